//! The roles. Queues and bus are named, not imported: the stacks have the same prefix, and neither blocks changes of the other.

use serde_json::{Value, json};

use super::template::{Template, logical_id};
use super::{arn, attribute, only_if, queue_arn, reference, sub};
use crate::limits;
use crate::model::{Condition, Model, Permission, Resource, Role, Trusted};

pub(super) fn add(model: &Model, template: &mut Template) {
    for role in &model.roles {
        let id = logical_id(&role.name, "Role");
        let (own, apart) = limits::apart(role, model.longest_prefix);
        let statements = own.iter().map(statement).collect();
        let properties = role_properties(&role.name, trust(role), "own", statements);
        let mut resource = json!({"Type": "AWS::IAM::Role", "Properties": properties});
        let policies = apart.iter().zip(1..).map(|(permission, number)| {
            let name = format!("{}-{number}", role.name);
            let policy = logical_id(&name, "Policy");
            template.resource(&policy, managed_policy(&name, permission));
            reference(&policy)
        });
        let policies: Vec<Value> = policies.collect();
        if !policies.is_empty() {
            resource["Properties"]["ManagedPolicyArns"] = json!(policies);
        }
        let (output, about) = (format!("{id}Arn"), format!("Role of {}.", role.name));
        match role.trusted {
            Trusted::ServiceAccount => {
                template.resource(logical_id(&role.name, "Association"), association(role, &id));
                template.output(output, &about, attribute(&id, "Arn"));
            }
            Trusted::Keda => {
                resource["Condition"] = "HasKeda".into();
                template.output_if("HasKeda", &output, &about, attribute(&id, "Arn"));
            }
        }
        template.resource(id, resource);
    }
}

fn managed_policy(name: &str, permission: &Permission) -> Value {
    json!({
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": sub(format!("${{Prefix}}-{name}-${{AWS::Region}}")),
            "Path": reference("RolePath"),
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement(permission)]}
        }
    })
}

pub(super) fn role_properties(name: &str, trust: Value, policy: &str, statements: Vec<Value>) -> Value {
    json!({
        "RoleName": sub(format!("${{Prefix}}-{name}-${{AWS::Region}}")),
        "Path": reference("RolePath"),
        "PermissionsBoundary": only_if("HasPermissionsBoundary", reference("PermissionsBoundaryArn")),
        "AssumeRolePolicyDocument": trust,
        "Policies": [{
            "PolicyName": policy,
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}
        }]
    })
}

/// The service account by EKS Pod Identity always, and by IRSA if there is an OIDC provider. The policy is a text, because the keys
/// of IRSA's conditions contain the provider's name, and a template cannot compute a key.
fn trust(role: &Role) -> Value {
    if role.trusted == Trusted::Keda {
        return json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": reference("KedaOperatorRoleArn")},
                "Action": ["sts:AssumeRole", "sts:TagSession"]
            }]
        });
    }
    let pods = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
  {{"Effect": "Allow", "Principal": {{"Service": "pods.eks.amazonaws.com"}}, "Action": ["sts:AssumeRole", "sts:TagSession"],
   "Condition": {{"StringEquals": {{"aws:SourceAccount": "${{AWS::AccountId}}",
     "aws:RequestTag/kubernetes-namespace": "${{Namespace}}",
     "aws:RequestTag/kubernetes-service-account": "${{ServiceAccountPrefix}}-{name}"}}}}}}${{Irsa}}]}}
"#,
        name = role.name
    );
    let irsa = format!(
        r#",
{{"Effect": "Allow", "Principal": {{"Federated": "${{OidcProviderArn}}"}}, "Action": "sts:AssumeRoleWithWebIdentity",
 "Condition": {{"StringEquals": {{"${{OidcProvider}}:aud": "sts.amazonaws.com",
   "${{OidcProvider}}:sub": "system:serviceaccount:${{Namespace}}:${{ServiceAccountPrefix}}-{name}"}}}}}}
"#,
        name = role.name
    );
    json!({"Fn::Sub": [pods, {"Irsa": super::either("HasOidc", sub(irsa), json!(""))}]})
}

fn association(role: &Role, id: &str) -> Value {
    json!({
        "Type": "AWS::EKS::PodIdentityAssociation",
        "Condition": "HasCluster",
        "Properties": {
            "ClusterName": reference("ClusterName"),
            "Namespace": reference("Namespace"),
            "ServiceAccount": sub(format!("${{ServiceAccountPrefix}}-{}", role.name)),
            "RoleArn": attribute(id, "Arn")
        }
    })
}

fn statement(permission: &Permission) -> Value {
    let resources: Vec<Value> = permission.on.iter().map(resource).collect();
    let resource = match resources.as_slice() {
        [one] => one.clone(),
        _ => json!(resources),
    };
    let mut statement = json!({
        "Sid": permission.sid,
        "Effect": "Allow",
        "Action": permission.actions,
        "Resource": resource
    });
    if let Some(only_if) = &permission.only_if {
        statement["Condition"] = condition(only_if);
    }
    if permission.on == [Resource::QueuesKey] {
        statement = only_if("HasKmsKey", statement);
    }
    statement
}

fn resource(resource: &Resource) -> Value {
    match resource {
        Resource::Queue(name) => queue_arn(name),
        Resource::Bus => arn("events", "event-bus/${Prefix}"),
        Resource::Rules => arn("events", "rule/${Prefix}/*"),
        Resource::Everything => json!("*"),
        Resource::QueuesKey => reference("KmsKeyArn"),
    }
}

fn condition(condition: &Condition) -> Value {
    // `ForAllValues` holds without a value, so `Null` demands one.
    match condition {
        Condition::EventsOf { sources, detail_types } => {
            let mut made = json!({
                "ForAllValues:StringEquals": {"events:source": sources},
                "Null": {"events:source": "false"}
            });
            if !detail_types.is_empty() {
                made["StringEquals"] = json!({"events:detail-type": detail_types});
            }
            made
        }
        Condition::EventsLike { source, except } => json!({
            "ForAllValues:StringLike": {"events:source": source},
            "Null": {"events:source": "false"},
            "StringNotEquals": {"events:detail-type": except}
        }),
        Condition::Namespace(name) => json!({"StringEquals": {"cloudwatch:namespace": name}}),
    }
}
