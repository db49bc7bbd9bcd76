//! `hailo doctor`: what is wrong with this system's accelerators, why, and what to do.

mod answers;
mod ask;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use hailo_linux::doctor::{Answers, Diagnosis, Severity, System, diagnose, diagnose_devices};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, Paper, Report};
use crate::{Global, device};

/// Say what is wrong with the accelerators of a system, why, and what to do
///
/// Looks at the PCI bus, the kernel modules and their parameters, the device nodes and who may open them, the firmware
/// files, who holds the devices, and at what the devices say. It changes nothing. The exit status is 1 if there is an
/// error.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    hailo doctor\n  \
    sudo hailo doctor --user $USER\n  \
    hailo doctor --json > answers.json\n  \
    hailo doctor --root copy/ --answers answers.json\n\n\
    The last two diagnose on another machine: copy/ has what is in /sys, /proc, /dev, /lib and /etc of the first.\n\
    With --root, --device mock:… stands for the first device of that system.")]
pub(crate) struct Arguments {
    /// Look at the system whose files are below this directory
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The user for whom it should work, by name or number [default: you; with --root an ordinary user]
    #[arg(long)]
    user: Option<String>,
    /// What the devices said, in a file that `hailo doctor --json` wrote, instead of asking them
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Listen for temperature events of the devices for so long; 0 does not
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = listening)]
    listen: Duration,
}

/// A time, or none.
fn listening(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { crate::parse::seconds(text).map_err(|error| error + ", or 0") }
}

#[derive(Serialize)]
struct Board {
    address: String,
    device_id: String,
    name: Option<&'static str>,
    driver: Option<String>,
}

#[derive(Serialize)]
struct Module {
    name: String,
    release: Option<String>,
    parameters: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Node {
    path: String,
    class: String,
    address: Option<String>,
}

#[derive(Serialize)]
struct Finding {
    fault: &'static str,
    severity: &'static str,
    what: String,
    cause: String,
    remedy: String,
}

#[derive(Serialize)]
struct Diagnosed {
    kernel: Option<String>,
    page_size: Option<u64>,
    boards: Vec<Board>,
    modules: Vec<Module>,
    nodes: Vec<Node>,
    answers: answers::Recorded,
    findings: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

impl Diagnosed {
    fn new(diagnosis: Diagnosis, answers: &Answers) -> Self {
        let (errors, warnings) = (diagnosis.count(Severity::Error), diagnosis.count(Severity::Warning));
        let boards = diagnosis.boards.into_iter().map(|board| Board {
            address: board.address,
            device_id: format!("1e60:{:04x}", board.device_id),
            name: board.name,
            driver: board.driver,
        });
        let modules = diagnosis.modules.into_iter().map(|module| Module {
            name: module.name,
            release: module.release.map(|release| release.to_string()),
            parameters: module.parameters.into_iter().map(|(name, value)| (name, value.into())).collect(),
        });
        let nodes = diagnosis.nodes.into_iter();
        let findings = diagnosis.findings.into_iter().map(|finding| Finding {
            fault: finding.fault.name(),
            severity: finding.severity.name(),
            what: finding.what,
            cause: finding.cause,
            remedy: finding.remedy,
        });
        Self {
            kernel: diagnosis.kernel,
            page_size: diagnosis.page_size,
            boards: boards.collect(),
            modules: modules.collect(),
            nodes: nodes.map(|node| Node { path: node.path, class: node.class, address: node.address }).collect(),
            // The page size belongs to what a diagnosis elsewhere needs.
            answers: answers::Recorded { page_size: diagnosis.page_size, ..answers.into() },
            findings: findings.collect(),
            errors,
            warnings,
        }
    }
}

impl Report for Diagnosed {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let page_size = self.page_size.map_or_else(String::new, |size| format!(", pages of {size} bytes"));
        if let Some(kernel) = &self.kernel {
            writeln!(out, "Kernel   {kernel}{page_size}")?;
        }
        for Module { name, release, .. } in &self.modules {
            writeln!(out, "Module   {name} {}", release.as_deref().unwrap_or("of unknown release"))?;
        }
        for Board { address, device_id, name, driver } in &self.boards {
            let (name, driver) = (name.unwrap_or("unknown"), driver.as_deref().unwrap_or("none"));
            writeln!(out, "Board    {address} {name} ({device_id}), driver {driver}")?;
        }
        for Node { path, class, address } in &self.nodes {
            let address = address.as_deref().map_or_else(String::new, |address| format!(", {address}"));
            writeln!(out, "Device   {path}, class {class}{address}")?;
        }
        for device in &self.answers.devices {
            out.paragraph("Answers  ", "         ", &device.summary())?;
        }
        for Finding { severity, what, cause, remedy, fault } in &self.findings {
            writeln!(out)?;
            out.paragraph("", "  ", &format!("{severity}: {what} [{fault}]"))?;
            out.paragraph("  Cause:  ", "          ", cause)?;
            out.paragraph("  Remedy: ", "          ", remedy)?;
        }
        let count = |number: usize, word: &str| match number {
            0 => format!("no {word}s"),
            1 => format!("1 {word}"),
            _ => format!("{number} {word}s"),
        };
        match self.findings.is_empty() {
            true => writeln!(out, "\nNothing is wrong."),
            false => {
                writeln!(out, "\n{}, {}.", capitalised(&count(self.errors, "error")), count(self.warnings, "warning"))
            }
        }
    }
}

fn capitalised(text: &str) -> String {
    text.strip_prefix("no").map_or_else(|| text.to_owned(), |rest| format!("No{rest}"))
}

/// Which devices are asked, each by the name by which it is opened and the node that it is called by.
fn asked(arguments: &Arguments, global: &Global, system: &System) -> Vec<(String, String)> {
    let nodes = || diagnose(system, &Answers::default()).nodes.into_iter().map(|node| node.path);
    match (&global.device, &arguments.root) {
        // An emulated device is the first of a copied system; one that is this system's default is not.
        (Some(name), Some(_)) if device::is_emulated(name) && !global.device_is_default => {
            vec![(name.clone(), nodes().next().unwrap_or_else(|| name.clone()))]
        }
        // Devices of a copied system cannot be opened here.
        (_, Some(_)) => Vec::new(),
        (Some(name), None) => vec![(name.clone(), name.clone())],
        (None, None) => nodes().map(|path| (path.clone(), path)).collect(),
    }
}

pub(crate) fn run(arguments: &Arguments, global: &Global, output: &mut Output) -> Result<ExitCode, Failure> {
    let mut system = arguments.root.as_ref().map_or_else(System::this, System::at);
    if let Some(root) = arguments.root.as_ref().filter(|root| !root.is_dir()) {
        return Err(Failure::new(format_args!(
            "{} is no directory; --root takes the root of a system's tree",
            root.display()
        )));
    }
    if let Some(user) = &arguments.user {
        system = system.for_user(user).map_err(Failure::new)?;
    }
    let answers = match &arguments.answers {
        Some(file) => answers::read(file)?,
        None => {
            let asked = asked(arguments, global, &system).into_iter();
            let ask =
                |(name, node): (String, String)| ask::ask(&name, &node, device::options(global), arguments.listen);
            Answers { page_size: None, devices: asked.map(ask).collect() }
        }
    };
    // An emulated device belongs to no system.
    let alone = arguments.root.is_none() && global.device.as_deref().is_some_and(device::is_emulated);
    let diagnosis = if alone { diagnose_devices(&answers) } else { diagnose(&system, &answers) };
    let diagnosed = Diagnosed::new(diagnosis, &answers);
    output.report(&diagnosed)?;
    Ok(if diagnosed.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
