//! Whether the bus exists. `PutEvents` answers 200 for a bus that does not, so nobody would notice otherwise.

use super::aws::{Aws, AwsFault};
use super::finding::Findings;

const CHECK: &str = "bus";

/// Looks for the bus. Answers whether it is worth looking further: it is, unless it is missing or AWS cannot be asked.
pub(crate) async fn check(aws: &Aws, bus: &str, findings: &mut Findings) -> bool {
    let error = match aws.events.describe_event_bus().name(bus).send().await {
        Ok(_) => {
            findings.ok(CHECK, bus, "it exists, and AWS takes the credentials");
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
        AwsFault::Denied => findings.skipped(CHECK, bus, "no permission events:DescribeEventBus: not looked at"),
        AwsFault::Credentials(code) => findings.fault(
            "credentials",
            "AWS",
            format!("they are refused: {code}"),
            "make sure that the role or key exists and belongs to the account of the stack, and that the clock is right",
        ),
        AwsFault::NoAnswer(code) => findings.fault(
            CHECK,
            bus,
            format!("AWS does not answer: {code}"),
            "make sure that the pod may reach EventBridge and SQS: NetworkPolicy, VPC endpoints, AWS_REGION, \
             AWS_ENDPOINT_URL",
        ),
    }
    error == AwsFault::Denied
}
