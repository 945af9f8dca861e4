//! Webhooks that another program has signed, and no formula of these tests.

use local_stack::wait_until;
use testkit::{LocalStripe, PATIENCE, World};

use crate::requests::SECRET;
use crate::{Ingress, MARKER};

/// A customer is no verification session: the answer is "nothing" if the signature is accepted, and "signature" if it is
/// refused.
#[tokio::test]
async fn localstripe_s_webhooks_are_accepted_with_our_secret_only() {
    let world = World::start().await;
    let ingress = Ingress::start(&world, &[]).await;
    let stripe = LocalStripe::start().await;
    let url = format!("{}/webhooks/stripe", ingress.base);
    let customer = format!("{MARKER}@example.org");

    stripe.set_endpoint(&url, SECRET).await;
    stripe.create_customer(&customer).await;
    answered(&ingress, "nothing").await;

    stripe.set_endpoint(&url, "fedcba9876543210-secret").await;
    stripe.create_customer(&customer).await;
    answered(&ingress, "signature").await;

    let all = ingress.worker.metric("coppice_webhooks_total", r#"source="stripe""#).await;
    assert_eq!(all, 2.0, "each is sent once, and answered as above");
    assert_eq!(world.proxy.calls("PutEvents"), 0);
    assert!(!ingress.worker.log().contains(MARKER));
}

/// Waits until one webhook has been answered with this word.
async fn answered(ingress: &Ingress, reply: &str) {
    let label = format!(r#"reply="{reply}""#);
    let counted =
        async || Ok((ingress.worker.metric("coppice_webhooks_total", &label).await == 1.0).then_some(()));
    wait_until(PATIENCE, &format!("a webhook to be answered: {reply}"), counted).await.unwrap();
}
