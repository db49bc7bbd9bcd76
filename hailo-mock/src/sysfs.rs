//! What the system shows of its boards in `/sys`, and what their device nodes are called.

use std::collections::BTreeMap;

use hailo_abi::DriverRelease;

use crate::machine::Machine;
use crate::options::BoardKind;

/// The major device number of the nodes.
const MAJOR: u32 = 246;

/// A file, directory or link of `/sys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SysfsEntry {
    /// A directory.
    Directory,
    /// A file with its content and permission bits.
    File {
        /// What is read from it.
        content: String,
        /// The permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it points, relative to its directory.
        target: String,
    },
}

/// The names that a release uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Names {
    module: &'static str,
    driver: &'static str,
    class: &'static str,
    node: &'static str,
    /// The class device lies below the PCI device.
    below_pci: bool,
}

fn from(release: DriverRelease, major: u32, minor: u32, revision: u32) -> bool {
    release >= DriverRelease::new(major, minor, revision)
}

fn names(release: DriverRelease) -> Names {
    let new = from(release, 5, 0, 1);
    let newest = from(release, 5, 3, 0);
    Names {
        module: if new { "hailo1x_pci" } else { "hailo_pci" },
        driver: if new { "hailo1x" } else { "hailo" },
        class: if newest { "hailo1x" } else { "hailo_chardev" },
        node: if newest { "h1x-" } else { "hailo" },
        below_pci: new || from(release, 4, 23, 0) && !from(release, 5, 0, 0),
    }
}

/// The parameters of the kernel module with their values and permission bits.
fn parameters(release: DriverRelease, kind: BoardKind) -> Vec<(&'static str, &'static str, u32)> {
    let newer = |major, minor, revision| from(release, major, minor, revision);
    let legacy = if kind == BoardKind::Hailo15H { "Y" } else { "N" };
    let all = [
        (true, "o_dbg", "5", 0o644),
        (true, "no_power_mode", "N", 0o444),
        (true, "force_desc_page_size", "0", 0o444),
        (!newer(5, 0, 1), "force_allocation_from_driver", "0", 0o444),
        (newer(4, 18, 0) && !newer(4, 20, 0), "force_hailo15_legacy_mode", legacy, 0o444),
        (newer(4, 20, 0), "force_hailo10h_legacy_mode", legacy, 0o444),
        (newer(4, 19, 0) && !newer(5, 0, 0), "force_boot_linux_from_eemc", "N", 0o444),
        (newer(4, 20, 0), "support_soft_reset", "Y", 0o444),
        (newer(5, 0, 0) && !newer(5, 0, 1), "force_legacy_boot", "N", 0o444),
        (newer(5, 2, 0), "force_hailo_pcie_boot_mode_over_bars", "N", 0o444),
    ];
    all.into_iter().filter(|(exists, ..)| *exists).map(|(_, name, value, mode)| (name, value, mode)).collect()
}

/// A tree of entries that is being made.
#[derive(Default)]
struct Tree(BTreeMap<String, SysfsEntry>);

impl Tree {
    fn directory(&mut self, path: &str) {
        for (at, _) in path.match_indices('/').skip(1) {
            self.0.entry(path[..at].to_owned()).or_insert(SysfsEntry::Directory);
        }
        self.0.entry(path.to_owned()).or_insert(SysfsEntry::Directory);
    }

    fn file(&mut self, path: &str, content: impl Into<String>, mode: u32) {
        self.directory(path.rsplit_once('/').map_or("/", |(directory, _)| directory));
        self.0.insert(path.to_owned(), SysfsEntry::File { content: content.into(), mode });
    }

    /// A link to another place of the tree, relative as the kernel makes them.
    fn link(&mut self, path: &str, to: &str) {
        let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        self.directory(directory);
        let up = "../".repeat(directory.matches('/').count() - 1);
        let target = format!("{up}{}", to.trim_start_matches("/sys/"));
        self.0.insert(path.to_owned(), SysfsEntry::Link { target });
    }
}

impl Machine {
    /// The name of a board's device node below `/dev`.
    #[must_use]
    pub fn node_name(&self, board: usize) -> String {
        format!("{}{board}", names(self.driver()).node)
    }

    /// The major and minor number of a board's device node.
    #[must_use]
    pub fn node_number(&self, board: usize) -> (u32, u32) {
        (MAJOR, board as u32)
    }

    /// The permission bits of the device nodes, as long as nothing changes them.
    #[must_use]
    pub fn node_mode(&self) -> u32 {
        0o600
    }

    /// The PCI address of a board.
    #[must_use]
    pub fn board_location(&self, board: usize) -> String {
        format!("0000:{:02x}:00.0", board + 1)
    }

    /// All that `/sys` has on the boards and the driver, by absolute path.
    #[must_use]
    pub fn sysfs(&self) -> BTreeMap<String, SysfsEntry> {
        let names = names(self.driver());
        let mut tree = Tree::default();
        for (name, value, mode) in parameters(self.driver(), self.board_kind()) {
            tree.file(&format!("/sys/module/{}/parameters/{name}", names.module), format!("{value}\n"), mode);
        }
        let driver = format!("/sys/bus/pci/drivers/{}", names.driver);
        tree.link(&format!("{driver}/module"), &format!("/sys/module/{}", names.module));
        for board in (0..self.boards()).filter(|board| self.has_node(*board)) {
            self.add_board(&mut tree, names, &driver, board);
        }
        tree.0
    }

    fn add_board(&self, tree: &mut Tree, names: Names, driver: &str, board: usize) {
        let location = self.board_location(board);
        let node = self.node_name(board);
        let device_id = self.board_kind().pci_device();
        let pci = format!("/sys/devices/pci0000:00/0000:00:{:02x}.0/{location}", board + 1);
        for (name, content) in [
            ("vendor", "0x1e60\n".to_owned()),
            ("device", format!("{device_id:#06x}\n")),
            ("subsystem_vendor", "0x1e60\n".to_owned()),
            ("subsystem_device", format!("{device_id:#06x}\n")),
            ("class", "0x120000\n".to_owned()),
            ("revision", "0x01\n".to_owned()),
            ("current_link_speed", "8.0 GT/s PCIe\n".to_owned()),
            ("current_link_width", "4\n".to_owned()),
            ("max_link_speed", "8.0 GT/s PCIe\n".to_owned()),
            ("max_link_width", "4\n".to_owned()),
            (
                "uevent",
                format!(
                    "DRIVER={}\nPCI_CLASS=120000\nPCI_ID=1E60:{device_id:04X}\n\
                PCI_SUBSYS_ID=1E60:{device_id:04X}\nPCI_SLOT_NAME={location}\n",
                    names.driver
                ),
            ),
        ] {
            tree.file(&format!("{pci}/{name}"), content, 0o444);
        }
        tree.link(&format!("{pci}/driver"), driver);
        tree.link(&format!("/sys/bus/pci/devices/{location}"), &pci);
        tree.link(&format!("{driver}/{location}"), &pci);
        let parent = if names.below_pci { pci.as_str() } else { "/sys/devices/virtual" };
        let device = format!("{parent}/{}/{node}", names.class);
        let class = format!("/sys/class/{}", names.class);
        tree.link(&format!("{class}/{node}"), &device);
        tree.link(&format!("{device}/subsystem"), &class);
        if names.below_pci {
            tree.link(&format!("{device}/device"), &pci);
        }
        let (major, minor) = self.node_number(board);
        tree.link(&format!("/sys/dev/char/{major}:{minor}"), &device);
        tree.file(&format!("{device}/dev"), format!("{major}:{minor}\n"), 0o444);
        tree.file(&format!("{device}/uevent"), format!("MAJOR={major}\nMINOR={minor}\nDEVNAME={node}\n"), 0o644);
        if from(self.driver(), 5, 3, 0) {
            tree.file(&format!("{device}/device_id"), location, 0o444);
        } else {
            tree.file(&format!("{device}/board_location"), location, 0o444);
            tree.file(&format!("{device}/device_id"), format!("1e60:{device_id:x}"), 0o444);
            if from(self.driver(), 4, 18, 0) {
                tree.file(&format!("{device}/accelerator_type"), "0", 0o444);
            }
        }
    }

    /// The content and permission bits of a file below `/sys`, whose path may lead through links.
    #[must_use]
    pub fn attribute(&self, path: &str) -> Option<(String, u32)> {
        match self.resolve(path)? {
            SysfsEntry::File { content, mode } => Some((content, mode)),
            _ => None,
        }
    }

    /// What a path below `/sys` leads to, all links but the last followed.
    fn resolve(&self, path: &str) -> Option<SysfsEntry> {
        let tree = self.sysfs();
        let mut at = String::new();
        let mut parts: Vec<String> = path.split('/').rev().filter(|part| !part.is_empty()).map(str::to_owned).collect();
        // No path of the tree is deeper than this, links followed.
        for _ in 0..64 {
            let Some(part) = parts.pop() else { return tree.get(&at).cloned() };
            if part == ".." {
                at.truncate(at.rfind('/')?);
                continue;
            }
            let here = format!("{at}/{part}");
            match tree.get(&here) {
                Some(SysfsEntry::Link { target }) if !parts.is_empty() => {
                    parts.extend(target.split('/').rev().map(str::to_owned));
                }
                Some(_) => at = here,
                None => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::MachineOptions;

    fn machine(driver: &str) -> Machine {
        Machine::new(format!("driver={driver}").parse::<MachineOptions>().unwrap()).unwrap()
    }

    #[test]
    fn attributes_are_those_of_the_release() {
        let value = |driver: &str, path: &str| machine(driver).attribute(path).map(|(value, _)| value);
        for (driver, path, expected) in [
            ("4.23.0", "/sys/class/hailo_chardev/hailo0/accelerator_type", Some("0")),
            ("4.23.0", "/sys/class/hailo_chardev/hailo0/device_id", Some("1e60:2864")),
            ("4.23.0", "/sys/class/hailo_chardev/hailo0/board_location", Some("0000:01:00.0")),
            ("4.23.0", "/sys/class/hailo_chardev/hailo0/device/vendor", Some("0x1e60\n")),
            ("4.23.0", "/sys/class/hailo_chardev/hailo0/dev", Some("246:0\n")),
            ("4.23.0", "/sys/bus/pci/devices/0000:01:00.0/device", Some("0x2864\n")),
            ("4.17.0", "/sys/class/hailo_chardev/hailo0/accelerator_type", None),
            ("4.17.0", "/sys/class/hailo_chardev/hailo0/device/vendor", None),
            ("5.3.0", "/sys/class/hailo1x/h1x-0/device_id", Some("0000:01:00.0")),
            ("5.3.0", "/sys/class/hailo_chardev/hailo0/device_id", None),
            ("5.2.0", "/sys/module/hailo1x_pci/parameters/o_dbg", Some("5\n")),
            ("4.23.0", "/sys/module/hailo_pci/parameters/support_soft_reset", Some("Y\n")),
        ] {
            assert_eq!(value(driver, path).as_deref(), expected, "{driver} {path}");
        }
    }

    #[test]
    fn class_links_are_as_the_kernel_makes_them() {
        for (driver, class, expected) in [
            ("5.0.0", "hailo_chardev/hailo0", "../../devices/virtual/hailo_chardev/hailo0"),
            (
                "5.2.0",
                "hailo_chardev/hailo0",
                "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/hailo_chardev/hailo0",
            ),
            ("5.3.0", "hailo1x/h1x-0", "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/hailo1x/h1x-0"),
        ] {
            let entry = machine(driver).sysfs().remove(&format!("/sys/class/{class}"));
            assert_eq!(entry, Some(SysfsEntry::Link { target: expected.to_owned() }));
        }
    }

    #[test]
    fn only_root_may_open_nodes_that_nothing_has_changed() {
        assert_eq!(machine("4.23.0").node_mode(), 0o600);
    }
}
