//! The same worker on Okta's System Log.

use simulators::okta::{OktaSimulator, SimulatedUser};
use testkit::{World, okta_settings};

use crate::{BINARY, UNIT, counted, texts};

const SIGNE: &str = "00u1signe";

#[tokio::test]
async fn the_worker_counts_sign_ons_to_an_application_and_to_okta_itself() {
    let world = World::start().await;
    let okta = OktaSimulator::start().await;
    let (url, token) = (okta.base_url(), okta.api_token());
    let settings = okta_settings(&url, token);
    let _worker = world.start_worker(BINARY, UNIT, &settings).await;
    okta.put_user(SimulatedUser::new(SIGNE));
    for application in [Some("0oa1portal"), None, Some("0oa1portal")] {
        let body = okta.sign_in(SIGNE, application).to_envelope_json();
        world.enqueue(UNIT, &body).await;
    }
    counted(&world, SIGNE, 3).await;
    world.settled(UNIT).await;
    let counts = "select source || ' ' || external_id || ' ' || count \
        from person_login join application using (application_id) order by 1";
    assert_eq!(texts(&world, counts).await, ["okta 0oa1portal 2", "okta okta 1"]);
    world.person_where(SIGNE, |person| person.status == "active").await;
}
