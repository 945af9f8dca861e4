//! End-to-end monitoring: drills with poison events, heartbeats through every route, checks of the alarms. In: arguments,
//! `DATABASE_URL`, `COPPICE_BUS_NAME`, `COPPICE_CONFIG`; queues, rules and alarms are found by the names of the file's branches. Out: marked events, rows of `fire_drill` and `heartbeat`, metrics in CloudWatch, a
//! report. Neither a drill nor a heartbeat can name a record, so no person is ever touched by one.

mod alarm;
mod alarm_check;
mod arguments;
mod clients;
mod cloud;
mod configuration;
mod drill;
mod drill_messages;
mod failure;
mod heartbeat;
mod hop;
mod measures;
mod notices;
mod poison;
mod report;
mod rounds;
mod unit;

use std::process::ExitCode;

use clap::Parser;
use job_process::JobError;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let Arguments { json, command } = Arguments::parse();
    job_process::run("fire-drill", async |stop| match command {
        Command::Run(command) => rounds::run(&command, json, stop).await,
        Command::Heartbeat(command) => heartbeat::run(&command, json, stop).await,
        Command::CheckAlarms => tokio::select! {
            ended = alarm_check::run(json) => ended,
            () = stop.cancelled() => Err(JobError::Stopped(String::from("stopped before every alarm was checked"))),
        },
    })
}
