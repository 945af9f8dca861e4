//! `dlq move-all` with another emulator, because the usual one lacks SQS's message move tasks. Opt-in: its installation
//! takes minutes.
//!
//! With Python 3.13: `pip install 'localstack-core[runtime]==4.14.0' 'cbor2<5.8' 'pyopenssl==25.3.0' 'cryptography<47'
//! service_identity`; start it with `GATEWAY_LISTEN=127.0.0.1:4566 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 python -m
//! localstack.runtime.main`; then
//! `COPPICE_SECOND_EMULATOR=http://127.0.0.1:4566 cargo nextest run -p coppice --run-ignored only second_emulator`.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use local_stack::wait_until;
use testkit::{PATIENCE, World};

use crate::dlq_commands::coppice;

const MESSAGES: usize = 12;

async fn visible(sqs: &Client, queue: &str) -> usize {
    let call = sqs.get_queue_attributes().queue_url(queue);
    let reply = call.attribute_names(Name::ApproximateNumberOfMessages).send().await.unwrap();
    reply.attributes.unwrap()[&Name::ApproximateNumberOfMessages].parse().unwrap()
}

/// Creates both queues, without messages.
async fn queues(sqs: &Client) -> (String, String) {
    for name in ["coppice-sso-sync", "coppice-sso-sync-dlq"] {
        if let Ok(old) = sqs.get_queue_url().queue_name(name).send().await {
            sqs.delete_queue().queue_url(old.queue_url.unwrap()).send().await.unwrap();
        }
    }
    let dlq = sqs.create_queue().queue_name("coppice-sso-sync-dlq").send().await.unwrap().queue_url.unwrap();
    let arn =
        sqs.get_queue_attributes().queue_url(&dlq).attribute_names(Name::QueueArn).send().await.unwrap();
    let arn = &arn.attributes.unwrap()[&Name::QueueArn];
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1"}}"#);
    let queue = sqs.create_queue().queue_name("coppice-sso-sync").attributes(Name::RedrivePolicy, policy);
    let queue = queue.attributes(Name::VisibilityTimeout, "0").send().await.unwrap().queue_url.unwrap();
    (queue, dlq)
}

#[tokio::test]
#[ignore = "needs another emulator, which takes minutes to install"]
#[expect(clippy::disallowed_methods, reason = "the URL of the other emulator is not a setting of a binary")]
async fn sqs_itself_moves_a_whole_dlq_back() {
    let endpoint = std::env::var("COPPICE_SECOND_EMULATOR").expect("the other emulator's URL");
    let sqs = Client::new(&local_stack::aws_config(&endpoint));
    let (queue, dlq) = queues(&sqs).await;
    for number in 0..MESSAGES {
        sqs.send_message().queue_url(&queue).message_body(format!("message {number}")).send().await.unwrap();
    }
    wait_until(PATIENCE, "all messages to be dead-lettered", async || {
        sqs.receive_message().queue_url(&queue).max_number_of_messages(10).send().await?;
        Ok((visible(&sqs, &dlq).await == MESSAGES).then_some(()))
    })
    .await
    .unwrap();

    let world = World::start().await;
    let there = [("AWS_ENDPOINT_URL", endpoint.as_str())];
    let move_all = ["dlq", "move-all", "sso-sync", "--rate", "50"];
    let planned = world.run_job(coppice(), "sso-sync", &move_all, &there).await;
    planned.says(0, &["nothing was moved; 12 dead-lettered message(s) of sso-sync would be"]);
    assert_eq!(visible(&sqs, &dlq).await, MESSAGES);
    let moved = world.run_job(coppice(), "sso-sync", &[&move_all[..], &["--yes"]].concat(), &there).await;
    moved.says(0, &["12 of 12 dead-lettered message(s) of sso-sync moved back: COMPLETED"]);
    assert_eq!((visible(&sqs, &queue).await, visible(&sqs, &dlq).await), (MESSAGES, 0));
}
