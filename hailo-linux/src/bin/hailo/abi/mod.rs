//! `hailo abi`: the binary interface of each driver release, computed from the types of `hailo-abi`.

pub(crate) mod decode;
mod diff;
mod releases;
mod tables;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use hailo_abi::interface::Nearest;
use hailo_abi::{DataModel, DriverRelease, Interface};

use crate::failure::Failure;
use crate::output::Output;

/// Show the binary interface of a driver release, compare two, decode an argument
#[derive(Args)]
#[command(after_help = "Example:\n  hailo abi diff 4.20.0 4.23.0", arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Releases(releases::Arguments),
    Structs(tables::StructArguments),
    Requests(tables::RequestArguments),
    Diff(diff::Arguments),
    Decode(decode::Arguments),
}

/// What `size_t` is.
#[derive(Clone, Copy, ValueEnum)]
enum Model {
    /// 64-bit kernels and processes
    Lp64,
    /// 32-bit kernels and processes
    Ilp32,
}

impl From<Model> for DataModel {
    fn from(model: Model) -> Self {
        match model {
            Model::Lp64 => Self::Lp64,
            Model::Ilp32 => Self::Ilp32,
        }
    }
}

/// A release and a data model.
#[derive(Args)]
struct Which {
    /// The release of the driver
    #[arg(long, value_name = "RELEASE")]
    release: DriverRelease,
    /// The data model of kernel and process
    #[arg(long, value_enum, default_value_t = Model::Lp64)]
    data_model: Model,
}

impl Which {
    fn interface(&self) -> Result<&'static Interface, Failure> {
        interface_of(self.release)
    }

    fn model(&self) -> DataModel {
        self.data_model.into()
    }
}

fn interface_of(release: DriverRelease) -> Result<&'static Interface, Failure> {
    Interface::of(release).ok_or_else(|| {
        Failure::new(format_args!(
            "driver release {release} is not known (the nearest known: {}; `hailo abi releases` lists all)",
            Nearest::to(release)
        ))
    })
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Releases(arguments) => releases::run(arguments, output),
        Command::Structs(arguments) => tables::structs(arguments, output),
        Command::Requests(arguments) => tables::requests(arguments, output),
        Command::Diff(arguments) => diff::run(arguments, output),
        Command::Decode(arguments) => decode::run(arguments, output),
    }
}
