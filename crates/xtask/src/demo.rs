//! The demo: persons change in several systems, and the demo shows each change arrive. Seven of the eight
//! sources are simulated, and AWS is an emulator. All else is real: the units' binaries, PostgreSQL, the topology as it is
//! rendered from `coppice.toml`, the SCIM server, and the AWS SDK over HTTP.

mod check;
mod field;
mod incident;
mod outage;
mod story;
mod view;

use std::time::Duration;

use testkit::{Setup, World};
use view::View;

use crate::commands::{build, tools};
use crate::local::EIGHT_SOURCES;
use crate::local::persons::{self, ADA, BOB, CLEO};
use crate::local::stage::Stage;

/// Plays the story and checks its end. Without `once`, it then changes persons until Ctrl-C.
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
        "starting PostgreSQL and the AWS emulator, deploying the topology of examples/eight-sources.toml, running the migrations"
    );
    let world = World::build(Setup::DEFAULT.with_emulator().with_sources(EIGHT_SOURCES), &tools).await?;
    for workaround in &world.topology.workarounds {
        println!("  the emulator differs from AWS: {workaround}");
    }
    let mut stage = Stage::set(&world, &binaries, EIGHT_SOURCES).await?;
    let mut view = View::default();
    if let Err(error) = tell(&mut stage, &mut view).await {
        stage.print_last_lines();
        return Err(error);
    }
    check::end_state(&stage, &mut view).await?;
    if once {
        return stage.clear().await;
    }
    change_for_ever(&stage, &mut view).await
}

async fn tell(stage: &mut Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    story::tell(stage, view).await?;
    outage::tell(stage, view).await?;
    incident::tell(stage, view).await?;
    field::tell(stage, view).await?;
    println!("\n▸ An operator looks at Ada: coppice person show auth0:'{ADA}'");
    stage.operate(&["person", "show", &format!("auth0:{ADA}")]).await?;
    println!("\n▸ The operator asks why she has this email: coppice person why email auth0:'{ADA}'");
    stage.operate(&["person", "why", "email", &format!("auth0:{ADA}")]).await
}

async fn change_for_ever(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!(
        "\nEvery two seconds, a person now changes their email or signs in. Press Ctrl-C to end everything."
    );
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
