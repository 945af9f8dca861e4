//! The demo: a person's life in several systems, and what becomes of it is shown step by step.
//!
//! Everything is real but the providers, which are simulated: all workers' binaries, PostgreSQL, the topology from
//! `deploy/cloudformation/`, and the AWS SDK over HTTP to an emulator.

mod check;
mod incident;
mod outage;
pub(crate) mod persons;
mod stage;
mod story;
mod view;

use std::time::Duration;

use persons::{ADA, BOB, CLEO};
use stage::Stage;
use testkit::{Setup, World};
use view::View;

use crate::commands::{build, tools};

/// Plays the story. With `once` it checks the end and returns; without, life goes on until Ctrl-C.
///
/// # Errors
/// When something cannot be had or started, or the story does not end as it should.
#[tokio::main]
pub(crate) async fn run(once: bool) -> anyhow::Result<()> {
    tokio::select! {
        ended = play(once) => ended,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            println!("\nstopping: every process that the demo started ends with it");
            Ok(())
        }
    }
}

async fn play(once: bool) -> anyhow::Result<()> {
    let tools = tools()?;
    tools.postgres()?;
    tools.ministack()?;
    let binaries = build(fleet::names(), false)?;
    println!(
        "starting PostgreSQL and the AWS emulator, deploying deploy/cloudformation/coppice.yaml, migrating"
    );
    let world = World::build(Setup::DEFAULT.with_emulator(), &tools).await?;
    for workaround in &world.topology.workarounds {
        println!("  the emulator is not AWS: {workaround}");
    }
    let stage = Stage::set(&world, &binaries).await?;
    let mut view = View::default();
    if let Err(error) = tell(&stage, &mut view).await {
        stage.print_last_lines();
        return Err(error);
    }
    check::end_state(&stage, &mut view).await?;
    if once {
        return stage.clear().await;
    }
    live_on(&stage, &mut view).await
}

async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    story::tell(stage, view).await?;
    outage::tell(stage, view).await?;
    incident::tell(stage, view).await?;
    println!("\n▸ what an operator sees of Ada: coppice person show auth0:'{ADA}'");
    stage.operate(&["person", "show", &format!("auth0:{ADA}")]).await?;
    println!("\n▸ and why: coppice person why email auth0:'{ADA}'");
    stage.operate(&["person", "why", "email", &format!("auth0:{ADA}")]).await
}

/// Small changes for ever, so that there is something to watch.
async fn live_on(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!("\nlife goes on: every two seconds somebody changes or signs in. Ctrl-C ends everything.");
    let mut pause = tokio::time::interval(Duration::from_secs(2));
    for number in 1_u64.. {
        pause.tick().await;
        let id = [ADA, BOB, CLEO][usize::try_from(number / 2 % 3)?];
        if number.is_multiple_of(2) {
            persons::change_email(stage.world, id, &format!("{}{number}@example.org", persons::name_of(id)))
                .await;
        } else {
            stage.world.deliver(&stage.world.idp.sign_in(id, "portal")).await;
        }
        view.refresh(stage).await?;
    }
    Ok(())
}
