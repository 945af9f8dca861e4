//! Checks that the bus exists. `PutEvents` answers 200 for a bus that does not, so a wrong name loses every event silently. The
//! finding also says whether AWS accepts the credentials at all.

use super::aws::{Aws, AwsFault};
use super::finding::Findings;

const CHECK: &str = "bus";

/// Returns whether further checks make sense.
pub(crate) async fn check(aws: &Aws, bus: &str, findings: &mut Findings) -> bool {
    let error = match aws.events.describe_event_bus().name(bus).send().await {
        Ok(_) => {
            findings.ok(CHECK, bus, "it exists, and AWS accepts the credentials");
            return true;
        }
        Err(error) => AwsFault::of(&error),
    };
    match &error {
        AwsFault::Missing => findings.fault(
            CHECK,
            bus,
            "it does not exist",
            "set COPPICE_BUS_NAME to the output BusName of the stack, and AWS_REGION to the stack's; or deploy the stack",
        ),
        AwsFault::Denied => findings.skipped(CHECK, bus, "no permission events:DescribeEventBus: not checked"),
        AwsFault::Credentials(code) => findings.fault(
            "credentials",
            "AWS",
            format!("events:DescribeEventBus failed: {code}"),
            "if an earlier line found no credentials, fix that first. Otherwise check that the role or key exists, that it belongs to the account of the stack, and that the clock is right",
        ),
        AwsFault::NoAnswer(code) => findings.fault(
            CHECK,
            bus,
            format!("AWS does not answer: {code}"),
            "check that the pod may reach EventBridge and SQS: NetworkPolicy, VPC endpoints, AWS_REGION, \
             AWS_ENDPOINT_URL",
        ),
    }
    error == AwsFault::Denied
}
