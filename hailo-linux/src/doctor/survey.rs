//! [`Survey`]: what there is, before it is judged.

use hailo_abi::DriverRelease;

use super::names::{Family, INTEGRATED_CLASS, INTEGRATED_MODULE, Kind, MODULES};
use super::tree::Tree;
use super::{Answers, DeviceAnswers, Diagnosis, Fault, Finding, Severity, page_size};
use crate::sysfs::PCI_VENDOR;

/// An accelerator on the PCI bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// Where it is, such as `0000:01:00.0`.
    pub address: String,
    /// Its device id.
    pub device_id: u16,
    /// What the vendor calls it, if the id is known.
    pub name: Option<&'static str>,
    /// The driver that has it.
    pub driver: Option<String>,
}

impl Board {
    /// The board in words: name, ids and place.
    pub(super) fn label(&self) -> String {
        let name = self.name.unwrap_or("an accelerator of an unknown kind");
        format!("{name} ({PCI_VENDOR:04x}:{:04x}) at {}", self.device_id, self.address)
    }
}

/// A loaded kernel module of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name, such as `hailo_pci`.
    pub name: String,
    /// Its release, if it says.
    pub release: Option<DriverRelease>,
    /// Its parameters and their values.
    pub parameters: Vec<(String, String)>,
}

impl Module {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is `Y`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("Y" | "y" | "1"))
    }
}

/// A device that the driver made, in sysfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its class, such as `hailo_chardev`.
    pub class: String,
    /// Where its node should be, such as `/dev/hailo0`.
    pub path: String,
    /// The PCI address of its board, if it is on the PCI bus and says so.
    pub address: Option<String>,
    /// Major and minor number, such as `509:0`.
    pub numbers: Option<String>,
}

/// Everything that the checks look at, and what they found.
pub(super) struct Survey<'a> {
    pub(super) tree: &'a Tree,
    pub(super) answers: &'a Answers,
    pub(super) kernel: Option<String>,
    pub(super) page_size: Option<u64>,
    pub(super) boards: Vec<Board>,
    pub(super) modules: Vec<Module>,
    pub(super) nodes: Vec<Node>,
    findings: Vec<Finding>,
}

impl<'a> Survey<'a> {
    pub(super) fn of(tree: &'a Tree, answers: &'a Answers) -> Self {
        Self {
            tree,
            answers,
            kernel: tree.text("/proc/sys/kernel/osrelease"),
            page_size: answers.page_size.or_else(|| page_size::of(tree)),
            boards: boards(tree),
            modules: modules(tree),
            nodes: nodes(tree),
            findings: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, fault: Fault, severity: Severity, what: String, cause: String, remedy: String) {
        self.findings.push(Finding { fault, severity, what, cause, remedy });
    }

    pub(super) fn into_diagnosis(self) -> Diagnosis {
        let Self { kernel, page_size, boards, modules, nodes, mut findings, .. } = self;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Diagnosis { kernel, page_size, boards, modules, nodes, findings }
    }

    /// The module whose driver has a board, or the one that is loaded.
    pub(super) fn module_of(&self, board: &Board) -> Option<&Module> {
        let driver = board.driver.as_deref();
        let families =
            super::names::FAMILIES.iter().filter(|family| driver.is_none_or(|driver| driver == family.driver));
        let names: Vec<_> = families.map(|family| family.module).collect();
        self.modules.iter().find(|module| names.contains(&module.name.as_str()))
    }

    /// The device of a board.
    pub(super) fn node_of(&self, board: &Board) -> Option<&Node> {
        // Where only one of each is there, the device need not say where it is.
        let only = |node: &&Node| node.address.is_none() && self.boards.len() == 1 && self.nodes.len() == 1;
        self.nodes.iter().find(|node| node.address.as_deref() == Some(&board.address) || only(node))
    }

    /// What the device of a board said.
    pub(super) fn answers_of(&self, board: &Board) -> Option<&'a DeviceAnswers> {
        let path = &self.node_of(board)?.path;
        self.answers.devices.iter().find(|device| device.node == *path)
    }

    /// The release of a board's driver: what it said, or what its module says.
    pub(super) fn release_of(&self, board: &Board) -> Option<DriverRelease> {
        self.answers_of(board)
            .and_then(|device| device.driver)
            .or_else(|| self.module_of(board).and_then(|module| module.release))
    }

    /// The known releases that a board's driver may be of.
    pub(super) fn releases_of(&self, board: &Board) -> Vec<DriverRelease> {
        if let Some(release) = self.release_of(board) {
            return vec![release];
        }
        let module = self.module_of(board).map(|module| module.name.as_str());
        let class = self.node_of(board).map(|node| node.class.as_str());
        let known = hailo_abi::interface::RELEASES.iter().map(|(release, _)| *release);
        let fits = |release: &DriverRelease| {
            Family::of(*release).is_some_and(|family| {
                module.is_none_or(|module| module == family.module) && class.is_none_or(|class| class == family.class)
            })
        };
        known
            .filter(fits)
            .filter(|release| Kind::of(board.device_id).is_some_and(|kind| kind.known_to(*release)))
            .collect()
    }

    /// What the kernel said about the driver's failures, the last line last; where this may be read.
    pub(super) fn kernel_log(&self) -> Option<String> {
        let lines = if self.tree.is_live() {
            kernel_messages(&self.tree.records("/dev/kmsg"))
        } else {
            let files = ["/dev/kmsg", "/var/log/dmesg", "/var/log/kern.log", "/var/log/messages", "/var/log/syslog"];
            let text = files.iter().find_map(|path| self.tree.text(path));
            text.unwrap_or_default().lines().map(str::to_owned).collect()
        };
        let failed = |line: &&String| {
            let line = line.to_ascii_lowercase();
            line.contains("hailo") && ["fail", "error", "timeout", "timed out"].iter().any(|word| line.contains(word))
        };
        lines.iter().rfind(failed).cloned()
    }
}

/// The messages of `/dev/kmsg`: `priority,sequence,time,flags;text`.
fn kernel_messages(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter_map(|line| line.split_once(';')).map(|(_, message)| message.to_owned()).collect()
}

fn hexadecimal(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

fn boards(tree: &Tree) -> Vec<Board> {
    let board = |address: String| {
        let number = |file: &str| hexadecimal(&tree.text(&format!("/sys/bus/pci/devices/{address}/{file}"))?);
        if number("vendor")? != PCI_VENDOR {
            return None;
        }
        let device_id = number("device")?;
        let driver = tree.link_name(&format!("/sys/bus/pci/devices/{address}/driver"));
        Some(Board { device_id, name: Kind::of(device_id).map(|kind| kind.name), driver, address })
    };
    tree.list("/sys/bus/pci/devices").into_iter().filter_map(board).collect()
}

fn modules(tree: &Tree) -> Vec<Module> {
    let loaded = tree.text("/proc/modules").unwrap_or_default();
    let listed = |name: &str| loaded.lines().any(|line| line.split(' ').next() == Some(name));
    let module = |name: &&str| {
        let directory = format!("/sys/module/{name}");
        if !tree.exists(&directory) && !listed(name) {
            return None;
        }
        let parameters = format!("{directory}/parameters");
        Some(Module {
            name: (*name).to_owned(),
            release: tree.text(&format!("{directory}/version")).and_then(|version| version.parse().ok()),
            parameters: tree
                .list(&parameters)
                .into_iter()
                .filter_map(|parameter| Some((tree.text(&format!("{parameters}/{parameter}"))?, parameter)))
                .map(|(value, parameter)| (parameter, value))
                .collect(),
        })
    };
    MODULES.iter().chain([&INTEGRATED_MODULE]).filter_map(module).collect()
}

fn nodes(tree: &Tree) -> Vec<Node> {
    let mut classes: Vec<&str> = super::names::FAMILIES.iter().map(|family| family.class).collect();
    classes.push(INTEGRATED_CLASS);
    classes.dedup();
    let mut nodes = Vec::new();
    for class in classes {
        for name in tree.list(&format!("/sys/class/{class}")) {
            let directory = format!("/sys/class/{class}/{name}");
            let is_address = |text: &String| text.matches(':').count() == 2 && text.contains('.');
            let address = ["board_location", "device_id"]
                .iter()
                .find_map(|attribute| tree.text(&format!("{directory}/{attribute}")).filter(is_address))
                .or_else(|| tree.link_name(&format!("{directory}/device")).filter(is_address));
            nodes.push(Node {
                class: class.to_owned(),
                path: format!("/dev/{name}"),
                address,
                numbers: tree.text(&format!("{directory}/dev")),
            });
        }
    }
    nodes
}
