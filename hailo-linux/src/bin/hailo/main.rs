//! `hailo`: the command line for the Hailo accelerators.
//!
//! Each subcommand is a module with its arguments and a `run` function; what it found out is a [`Report`](output::Report),
//! printed as text or, with `--json`, as one line of JSON. Errors are one sentence on the standard error output.

mod abi;
// Those that look at system calls know the machines whose registers and numbers they know.
#[cfg(all(feature = "trace", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls;
mod device;
mod doctor;
#[cfg(all(feature = "emulator", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod emulate;
mod emulated;
mod events;
mod failure;
mod firmware;
mod generate;
mod infer;
mod info;
mod log;
mod model;
mod monitor;
mod network;
mod output;
mod parse;
mod record;
mod replay;
mod scan;
#[cfg(all(feature = "trace", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod trace;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::failure::Failure;
use crate::firmware::{config, health, identify, power, reset, temperature};
use crate::network::{bench, run};
use crate::output::Output;

/// Look at, diagnose and use Hailo accelerators, whatever the release of their driver.
#[derive(Parser)]
#[command(name = "hailo", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Examples:\n  hailo doctor\n  hailo infer --device mock --frames 1000\n\n\
                        A device is a path such as /dev/hailo0, or mock[:driver=R,board=B,…], an emulated one.")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand understands.
#[derive(Args, Clone, Debug)]
struct Global {
    /// The device: a path such as /dev/hailo0, or mock[:…] for an emulated one [default: the first that is found]
    #[arg(long, global = true, env = "HAILO_DEVICE", value_name = "DEVICE", hide_env_values = true)]
    device: Option<String>,
    /// Whether the device is only the default of the environment.
    #[arg(skip)]
    device_is_default: bool,
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    json: bool,
    /// Speak to the driver as if it were of this release, whatever it says
    #[arg(long, global = true, value_name = "RELEASE")]
    assume_release: Option<hailo_abi::DriverRelease>,
}

#[derive(Subcommand)]
enum Command {
    Scan(scan::Arguments),
    Info(info::Arguments),
    Doctor(doctor::Arguments),
    Identify(identify::Arguments),
    Temperature(temperature::Arguments),
    Power(power::Arguments),
    Health(health::Arguments),
    Monitor(monitor::Arguments),
    Events(events::Arguments),
    Log(log::Arguments),
    Config(config::Arguments),
    Reset(reset::Arguments),
    Run(run::Arguments),
    Bench(bench::Arguments),
    Infer(infer::Arguments),
    Replay(replay::Arguments),
    #[cfg(all(feature = "emulator", any(target_arch = "x86_64", target_arch = "aarch64")))]
    Emulate(emulate::Arguments),
    #[cfg(all(feature = "trace", any(target_arch = "x86_64", target_arch = "aarch64")))]
    Trace(trace::Arguments),
    Model(model::Arguments),
    Abi(abi::Arguments),
    Completions(generate::CompletionArguments),
    Man(generate::ManArguments),
}

fn dispatch(cli: &Cli, output: &mut Output) -> Result<ExitCode, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Scan(arguments) => scan::run(arguments, global, output),
        Command::Info(arguments) => info::run(arguments, global, output),
        Command::Doctor(arguments) => doctor::run(arguments, global, output),
        Command::Identify(arguments) => identify::run(arguments, global, output),
        Command::Temperature(arguments) => temperature::run(arguments, global, output),
        Command::Power(arguments) => power::run(arguments, global, output),
        Command::Health(arguments) => health::run(arguments, global, output),
        Command::Monitor(arguments) => monitor::run(arguments, global, output),
        Command::Events(arguments) => events::run(arguments, global, output),
        Command::Log(arguments) => log::run(arguments, global, output),
        Command::Config(arguments) => config::run(arguments, global, output),
        Command::Reset(arguments) => reset::run(arguments, global, output),
        Command::Run(arguments) => run::run(arguments, global, output),
        Command::Bench(arguments) => bench::run(arguments, global, output),
        Command::Infer(arguments) => infer::run(arguments, global, output),
        Command::Replay(arguments) => replay::run(arguments, global, output),
        #[cfg(all(feature = "emulator", any(target_arch = "x86_64", target_arch = "aarch64")))]
        Command::Emulate(arguments) => emulate::run(arguments, cli.global.device.as_deref()),
        #[cfg(all(feature = "trace", any(target_arch = "x86_64", target_arch = "aarch64")))]
        Command::Trace(arguments) => trace::run(arguments, global.json),
        Command::Model(arguments) => model::run(arguments, output),
        Command::Abi(arguments) => abi::run(arguments, output),
        Command::Completions(arguments) => generate::completions(arguments, output),
        Command::Man(arguments) => generate::man(arguments, output),
    }
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    cli.global.device_is_default = matches.value_source("device") == Some(ValueSource::EnvVariable);
    let mut output = Output::new(cli.global.json);
    let result = dispatch(&cli, &mut output);
    // What was printed before a failure comes first.
    let flushed = output.flush();
    match result.and_then(|code| flushed.map(|()| code)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_options_are_called_the_same() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
