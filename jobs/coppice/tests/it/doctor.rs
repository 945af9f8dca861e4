//! `coppice doctor` with a unit's environment, in a world for each test. It finds each fault and names the fix.

mod broken_topology;
mod credentials;
mod whole_stacks;
mod wrong_settings;

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use testkit::{Said, Setup, World};

/// The visibility timeout of the template. That of the testkit is shorter than the longest step of a handler.
const VISIBILITY_SECS: u32 = 60;

struct Clinic {
    world: World,
    events: aws_sdk_eventbridge::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Clinic {
    async fn open() -> Self {
        let world =
            World::start_with(Setup { visibility_secs: VISIBILITY_SECS, ..Setup::DEFAULT.with_emulator() })
                .await;
        let config = local_stack::aws_config(world.emulator_endpoint());
        let (events, sqs) = (aws_sdk_eventbridge::Client::new(&config), aws_sdk_sqs::Client::new(&config));
        Self { world, events, sqs }
    }

    /// Runs the doctor in the environment of a unit.
    async fn examine(&self, unit: &str, settings: &[(&str, &str)]) -> Said {
        let arguments = ["doctor", "--unit", unit];
        self.world.run_job(env!("CARGO_BIN_EXE_coppice"), unit, &arguments, settings).await
    }

    /// Runs the doctor, and checks that it finds exactly these faults, each with its fix.
    async fn finds(&self, unit: &str, settings: &[(&str, &str)], faults: &[(&str, &str)]) {
        let said = self.examine(unit, settings).await;
        let lines: Vec<&str> = said.out.lines().collect();
        let found: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].starts_with("FAULT")).collect();
        assert_eq!(found.len(), faults.len(), "{said:?}");
        for (line, (problem, fix)) in found.into_iter().zip(faults) {
            assert!(lines[line].contains(problem), "{problem:?}\nin {}", said.out);
            assert!(lines[line + 1].contains(fix), "{fix:?}\nin {}", said.out);
        }
        assert_eq!(said.code, Some(i32::from(!faults.is_empty())), "{said:?}");
    }

    fn bus(&self) -> &str {
        &self.world.topology.bus
    }

    async fn set(&self, url: &str, name: Name, value: &str) {
        let call = self.sqs.set_queue_attributes().queue_url(url).attributes(name, value);
        call.send().await.unwrap();
    }

    fn queue(&self) -> &str {
        self.world.topology.queue_url("sso-sync").unwrap()
    }

    async fn target_of(&self, rule: &str) -> Target {
        let call = self.events.list_targets_by_rule().event_bus_name(self.bus()).rule(rule);
        call.send().await.unwrap().targets.unwrap().remove(0)
    }

    async fn put_target(&self, rule: &str, target: Target) {
        let call = self.events.put_targets().event_bus_name(self.bus()).rule(rule).targets(target);
        assert_eq!(call.send().await.unwrap().failed_entry_count(), 0);
    }
}

const INGRESS_RULE: &str = "coppice-sso-sync-auth0-ingress";
