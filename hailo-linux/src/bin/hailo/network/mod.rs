//! `hailo run` and `hailo bench`: compiled networks.

pub(crate) mod bench;
pub(crate) mod run;
mod statistics;
mod streams;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use hailo_linux::Device;
use hailo_linux::network::{self, Active, Api, Configured, Model, Options, PowerMode};
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::{Global, device};

/// What every command that configures a network takes.
#[derive(Args)]
pub(crate) struct NetworkArguments {
    /// The model file (HEF)
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The network group [default: the last of the file]
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// How many frames the device takes in one go
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=63))]
    batch: u16,
    /// How streams are fed: in large buffers, or in the core's own portions as early as possible
    #[arg(long, value_enum, default_value_t = Mode::Performance)]
    power_mode: Mode,
    /// The greatest page of a descriptor list, in bytes: a power of two from 64 to 4096
    #[arg(long, value_name = "BYTES", value_parser = page_size)]
    page_size: Option<u16>,
    /// By how many entries caches move on after each frame [default: as many as a frame writes]
    #[arg(long, value_name = "N")]
    cache_entries: Option<u32>,
    /// How long a frame may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = crate::parse::seconds)]
    timeout: Duration,
}

/// How streams are fed.
#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Performance,
    /// The vendor's ultra performance
    Ultra,
}

/// How frames are given to a network.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Interface {
    /// One after the other, through memory of the library's (the vendor's synchronous streams)
    Blocking,
    /// As many at a time as the network takes, in buffers of the caller's (the vendor's asynchronous streams)
    Pipelined,
}

impl Interface {
    fn of_library(self) -> Api {
        match self {
            Self::Blocking => Api::Blocking,
            Self::Pipelined => Api::Pipelined,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Pipelined => "pipelined",
        }
    }
}

fn page_size(text: &str) -> Result<u16, String> {
    let size = text.parse().ok().filter(|size: &u16| size.is_power_of_two() && (64..=4096).contains(size));
    size.ok_or_else(|| "it is a power of two from 64 to 4096".into())
}

impl NetworkArguments {
    /// Loads the model. It says what is wrong with a file before a device is opened.
    pub(crate) fn load(&self) -> Result<Model, Failure> {
        let hef = crate::model::open(&self.model)?;
        let named = |error| Failure::new(format_args!("{}: {error}", self.model.display()));
        Model::new(hef, self.group.as_deref()).map_err(named)
    }

    /// Says what the model has that cannot be run.
    pub(crate) fn check(&self, model: &Model) -> Result<(), Failure> {
        model.can_run().map_err(|refusal| Failure::new(format_args!("{}: {refusal}", self.model.display())))
    }

    pub(crate) fn configure(&self, device: &Device, model: &Model, api: Interface) -> Result<Configured, Failure> {
        let options = Options {
            batch_size: self.batch,
            power_mode: match self.power_mode {
                Mode::Performance => PowerMode::Performance,
                Mode::Ultra => PowerMode::UltraPerformance,
            },
            page_size: self.page_size,
            api: api.of_library(),
        };
        Ok(device.configure(model, &options)?)
    }

    /// What has to be done after each frame.
    pub(crate) fn frame_is_through(&self, active: &mut Active<'_>) -> Result<(), Failure> {
        Ok(active.move_caches(self.cache_entries, self.timeout)?)
    }

    /// Opens the device for a model.
    pub(crate) fn open(global: &Global) -> Result<Device, Failure> {
        device::open(global)
    }
}

impl From<network::Error> for Failure {
    fn from(error: network::Error) -> Self {
        match error {
            network::Error::Device(error) => error.into(),
            error => Self::new(error),
        }
    }
}

/// A bar on a terminal, and nothing elsewhere; with room for a message at its end.
fn progress(frames: Option<u64>) -> ProgressBar {
    let (bar, template) = match frames {
        Some(frames) => (ProgressBar::new(frames), "{wide_bar} {pos}/{len} frames, {per_sec}{msg}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} frames, {per_sec}{msg}, {elapsed}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
