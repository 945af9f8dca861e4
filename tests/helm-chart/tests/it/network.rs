//! Network policies: the connections that pods accept and make.

use serde_json::{Value, json};

use crate::chart::render;

/// The ports that a policy's rules open, in their order.
fn ports(policy: &Value, direction: &str) -> Vec<u64> {
    let rules = policy["spec"][direction].as_array().unwrap().iter();
    rules
        .flat_map(|rule| rule["ports"].as_array().unwrap().iter().map(|port| port["port"].as_u64().unwrap()))
        .collect()
}

#[test]
fn every_pod_has_only_the_connections_that_it_needs() {
    let objects = render("production", "");
    let all = objects.get("NetworkPolicy", "all");
    assert_eq!(all["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(all["spec"].get("ingress"), None);
    assert_eq!(ports(all, "egress"), [53, 53, 5432]);
    assert_eq!(all["spec"]["egress"][1]["to"], json!([{"ipBlock": {"cidr": "10.20.0.0/16"}}]));
    let aws = objects.get("NetworkPolicy", "aws-and-sources");
    assert_eq!(ports(aws, "egress"), [443], "with IRSA, no pod calls the node's agent");
    assert_eq!(ports(objects.get("NetworkPolicy", "monitoring"), "ingress"), [8080]);
    let webhooks = objects.get("NetworkPolicy", "webhooks");
    assert_eq!(
        webhooks["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"],
        "webhook-ingress"
    );
    assert_eq!(ports(webhooks, "ingress"), [8081]);
    assert_eq!(ports(objects.get("NetworkPolicy", "migrate"), "egress"), [53, 53, 5432]);
}

#[test]
fn values_can_open_other_ports() {
    let objects = render("emulator", "");
    assert_eq!(ports(objects.get("NetworkPolicy", "aws-and-sources"), "egress"), [443, 4566]);
    let all = objects.get("NetworkPolicy", "all");
    assert_eq!(ports(all, "egress"), [53, 53, 15432, 18001, 18002, 18003, 18004]);
    assert_eq!(ports(objects.get("NetworkPolicy", "migrate"), "egress"), ports(all, "egress"));
}

#[test]
fn pods_can_reach_the_agent_of_pod_identity() {
    let objects = render("minimal", "");
    let egress = &objects.get("NetworkPolicy", "aws-and-sources")["spec"]["egress"];
    assert_eq!(egress[1]["to"][0]["ipBlock"]["cidr"], "169.254.170.23/32");
}

#[test]
fn without_peers_no_policy_allows_scraping_and_a_value_disables_all_policies() {
    let objects = render("minimal", "networkPolicy: {monitoringFrom: []}");
    assert!(objects.find("NetworkPolicy", "monitoring").is_none());
    assert!(objects.find("NetworkPolicy", "webhooks").is_none(), "no such worker");
    assert!(render("production", "networkPolicy: {enabled: false}").of_kind("NetworkPolicy").is_empty());
}
