//! Diagnosis: what is wrong with a system's accelerators, why, and what can be done.
//!
//! [`diagnose`] looks at the files of a [`System`] (the PCI bus, kernel modules and their parameters, device nodes and who
//! may open them, firmware files, processes) and at the [`Answers`] that its devices gave, and returns a [`Diagnosis`].
//! It only reads, and sends nothing to a device: the answers are collected by its caller, or were recorded on another
//! machine. So a system can be diagnosed from a copy of its `/sys`, `/proc`, `/dev`, `/lib` and `/etc`.
//!
//! ```no_run
//! use hailo_linux::doctor::{Answers, System, diagnose};
//!
//! let diagnosis = diagnose(&System::this(), &Answers::default());
//! for finding in &diagnosis.findings {
//!     println!("{}: {} {} {}", finding.severity.name(), finding.what, finding.cause, finding.remedy);
//! }
//! ```

mod device;
mod driver;
mod firmware;
mod names;
mod node;
mod page_size;
mod survey;
mod tree;
mod user;

use hailo_abi::DriverRelease;
use hailo_abi::firmware::FirmwareRelease;

pub use survey::{Board, Module, Node};
pub use user::{UnknownUser, User};

use survey::Survey;
use tree::Tree;

/// The system that is looked at: a root directory, and the user for whom devices should work.
#[derive(Clone, Debug)]
pub struct System {
    tree: Tree,
    user: User,
}

impl System {
    /// The system that this program runs on, for the user who runs it.
    #[must_use]
    pub fn this() -> Self {
        Self { tree: Tree::new("/"), user: User::current() }
    }

    /// Another system, or a copy of some of its files, below `root`; for an ordinary user.
    #[must_use]
    pub fn at(root: impl Into<std::path::PathBuf>) -> Self {
        let tree = Tree::new(root);
        let user = if tree.is_live() { User::current() } else { User::ordinary() };
        Self { tree, user }
    }

    /// The same system for a user of it, by name or number.
    ///
    /// # Errors
    /// [`UnknownUser`] for a name that is not in the system's `/etc/passwd`.
    pub fn for_user(mut self, user: &str) -> Result<Self, UnknownUser> {
        self.user = User::named(&self.tree, user)?;
        Ok(self)
    }
}

/// What devices say of themselves, and what only the running kernel knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The size of a page of memory, in bytes.
    pub page_size: Option<u64>,
    /// One for each device that was asked.
    pub devices: Vec<DeviceAnswers>,
}

/// What one device said. What could not be asked is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceAnswers {
    /// The device's node, such as `/dev/hailo0`.
    pub node: String,
    /// Why it could not be opened, or why it did not answer.
    pub problem: Option<String>,
    /// The driver's release.
    pub driver: Option<DriverRelease>,
    /// The largest page of a descriptor list that the driver allows, in bytes.
    pub desc_max_page_size: Option<u32>,
    /// Whether firmware runs.
    pub is_fw_loaded: Option<bool>,
    /// The release of the firmware that runs.
    pub firmware: Option<FirmwareRelease>,
    /// The temperatures of the two sensors, in degrees Celsius.
    pub temperatures: Option<[f32; 2]>,
    /// The temperature from which the firmware throttles, in degrees Celsius.
    pub orange_threshold: Option<i32>,
    /// The temperature from which the firmware stops the network, in degrees Celsius.
    pub red_threshold: Option<i32>,
    /// The zone that the temperature is in: 0 green, 1 orange, 2 red.
    pub temperature_zone: Option<u8>,
    /// Whether the firmware throttles because of the temperature.
    pub temperature_throttling: Option<bool>,
    /// Temperature events that came while the device was watched, in words, the last one last.
    pub temperature_events: Vec<String>,
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, but not as it should, or not for long.
    Warning,
    /// It does not work.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! faults {
    ($($(#[$meta:meta])* $name:ident = $text:literal,)+) => {
        /// The kind of a fault; its name does not change between versions of this crate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$meta])* $name,)+
        }

        impl Fault {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name for programs, such as `no-pci-device`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

faults! {
    /// There is no accelerator on the PCI bus.
    NoPciDevice = "no-pci-device",
    /// A board has no driver.
    NoDriver = "no-driver",
    /// A board has a driver that is not the vendor's.
    OtherDriver = "other-driver",
    /// The modules for both generations of boards are loaded, and want the same names.
    TwoModules = "two-modules",
    /// A board has a driver but no device node.
    NoDeviceNode = "no-device-node",
    /// The user may not open the node.
    NoPermission = "no-permission",
    /// A device did not answer.
    NoAnswer = "no-answer",
    /// A process has the node open.
    InUse = "in-use",
    /// The driver's release is not one that this crate knows.
    UnsupportedDriver = "unsupported-driver",
    /// A file that the driver loads into the board is not there.
    FirmwareFileMissing = "firmware-file-missing",
    /// Such a file is not what it should be.
    FirmwareFileDamaged = "firmware-file-damaged",
    /// No firmware runs on the board.
    FirmwareNotLoaded = "firmware-not-loaded",
    /// The firmware's release is not one that this crate knows.
    UnknownFirmware = "unknown-firmware",
    /// Firmware and driver are of different releases.
    FirmwareMismatch = "firmware-mismatch",
    /// The driver would use larger descriptor pages than the board can.
    PageSize = "page-size",
    /// The board cannot interrupt by messages.
    NoMsi = "no-msi",
    /// The board is too hot.
    Overheating = "overheating",
    /// The temperature changed its zone while the device was watched.
    TemperatureEvent = "temperature-event",
    /// The PCI Express link is slower or narrower than it could be.
    SlowLink = "slow-link",
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of fault it is.
    pub fault: Fault,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, on which board or device: a sentence.
    pub what: String,
    /// Why: a sentence or more.
    pub cause: String,
    /// What a person can do: a sentence or more.
    pub remedy: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The kernel's release, such as `6.6.31`.
    pub kernel: Option<String>,
    /// The size of a page of memory in bytes, if it could be found out.
    pub page_size: Option<u64>,
    /// The accelerators on the PCI bus.
    pub boards: Vec<Board>,
    /// The driver's modules that are loaded.
    pub modules: Vec<Module>,
    /// The devices that the driver made.
    pub nodes: Vec<Node>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// How many findings are this bad.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Finds out what is wrong.
#[must_use]
pub fn diagnose(system: &System, answers: &Answers) -> Diagnosis {
    let mut survey = Survey::of(&system.tree, answers);
    driver::check(&mut survey);
    node::check(&mut survey, &system.user);
    firmware::check(&mut survey);
    page_size::check(&mut survey);
    for device in &answers.devices {
        device::check(&mut survey, device);
    }
    survey.into_diagnosis()
}

/// Finds out what is wrong with devices that belong to no system's tree, such as emulated ones: only their answers count.
#[must_use]
pub fn diagnose_devices(answers: &Answers) -> Diagnosis {
    let nowhere = Tree::new("/nonexistent");
    let mut survey = Survey::of(&nowhere, answers);
    for device in &answers.devices {
        device::check(&mut survey, device);
    }
    page_size::check(&mut survey);
    survey.into_diagnosis()
}
