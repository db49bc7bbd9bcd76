//! A made-up system: the files that `hailo doctor` looks at.
#![allow(dead_code)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The place of the board.
pub(crate) const ADDRESS: &str = "0000:01:00.0";
/// The kernel.
pub(crate) const KERNEL: &str = "6.6.31-test";

/// What a release of the driver calls things, as `devices.md` of the facts says.
pub(crate) struct Names {
    pub(crate) release: &'static str,
    pub(crate) device: &'static str,
    pub(crate) module: &'static str,
    pub(crate) driver: &'static str,
    pub(crate) class: &'static str,
    pub(crate) node: &'static str,
    pub(crate) firmware: &'static str,
    pub(crate) magic: u32,
}

const fn names(
    release: &'static str,
    device: &'static str,
    [module, driver, class, node]: [&'static str; 4],
    firmware: &'static str,
    magic: u32,
) -> Names {
    Names { release, device, module, driver, class, node, firmware, magic }
}

const FIRST: [&str; 4] = ["hailo_pci", "hailo", "hailo_chardev", "hailo0"];
const SECOND: [&str; 4] = ["hailo1x_pci", "hailo1x", "hailo_chardev", "hailo0"];
const THIRD: [&str; 4] = ["hailo1x_pci", "hailo1x", "hailo1x", "h1x-0"];

/// A board that each release knows.
pub(crate) const RELEASES: &[Names] = &[
    names("4.17.0", "0x2864", FIRST, "hailo/hailo8_fw.bin", 0x1dd8_9de0),
    names("4.19.0", "0x43a2", FIRST, "hailo/pluto_fw.bin", 0xf947_39ab),
    names("4.20.0", "0x2864", FIRST, "hailo/hailo8_fw.bin", 0x1dd8_9de0),
    names("4.23.0", "0x2864", FIRST, "hailo/hailo8_fw.bin", 0x1dd8_9de0),
    names("5.0.0", "0x2864", FIRST, "hailo/hailo8_fw.bin", 0x1dd8_9de0),
    names("5.0.1", "0x43a2", SECOND, "hailo/hailo15l_fw.bin", 0xf947_39ab),
    names("5.2.0", "0x43a2", SECOND, "hailo/hailo15l_fw.bin", 0xf947_39ab),
    names("5.3.0", "0x43a2", THIRD, "hailo/hailo15l_fw.bin", 0xf947_39ab),
];

/// The names of one of those releases.
pub(crate) fn release(release: &str) -> &'static Names {
    RELEASES.iter().find(|names| names.release == release).expect("a release of the table")
}

/// A system below a temporary directory.
pub(crate) struct Tree {
    root: tempfile::TempDir,
    pub(crate) names: &'static Names,
}

impl Tree {
    /// A system with a board on its bus, and nothing else.
    pub(crate) fn bare(names: &'static Names) -> Self {
        let tree = Self { root: tempfile::tempdir().expect("a temporary directory"), names };
        tree.write("/proc/sys/kernel/osrelease", format!("{KERNEL}\n"));
        tree.write("/proc/cmdline", "root=/dev/sda1 quiet\n");
        tree.write("/proc/1/smaps", "KernelPageSize:        4 kB\n");
        tree.write("/proc/1/comm", "init\n");
        tree.write("/etc/passwd", "root:x:0:0:::\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\nbob:x:1001:1001:::\n");
        tree.write("/etc/group", "root:x:0:\nalice:x:1000:\nbob:x:1001:\nhailo:x:990:alice\n");
        let board = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
        tree.write(&format!("{board}/vendor"), "0x1e60\n");
        tree.write(&format!("{board}/device"), format!("{}\n", names.device));
        tree.write(&format!("{board}/irq"), "42\n");
        tree.write(&format!("{board}/msi_bus"), "1\n");
        tree.link("../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0", &format!("/sys/bus/pci/devices/{ADDRESS}"));
        tree.write("/sys/devices/pci0000:00/0000:00:01.0/vendor", "0x8086\n");
        tree.write("/sys/devices/pci0000:00/0000:00:01.0/msi_bus", "1\n");
        tree.link("../../../devices/pci0000:00/0000:00:01.0", "/sys/bus/pci/devices/0000:00:01.0");
        let mut image = Vec::new();
        let mut numbers = names.release.split('.').map(|number| number.parse::<u32>().expect("a number"));
        let mut number = || numbers.next().expect("three numbers");
        for word in [names.magic, 0, number(), number(), number(), 4] {
            image.extend(word.to_le_bytes());
        }
        image.extend([0; 4096]);
        tree.write(&format!("/lib/firmware/{}", names.firmware), image);
        tree
    }

    /// A system with a loaded driver that has the board.
    pub(crate) fn bound(names: &'static Names) -> Self {
        let tree = Self::bare(names);
        tree.load_module();
        tree.link(&format!("../../../../bus/pci/drivers/{}", names.driver), &tree.board("driver"));
        tree.write(&tree.board("msi_irqs/42"), "msi\n");
        tree
    }

    /// A system in which everything is as it should be.
    pub(crate) fn healthy(names: &'static Names) -> Self {
        let tree = Self::bound(names);
        let device = format!("/sys/devices/virtual/{}/{}", names.class, names.node);
        tree.write(&format!("{device}/dev"), "509:0\n");
        match names.class {
            "hailo1x" => tree.write(&format!("{device}/device_id"), ADDRESS),
            _ => {
                tree.write(&format!("{device}/board_location"), ADDRESS);
                tree.write(&format!("{device}/device_id"), format!("1e60:{}", &names.device[2..]));
            }
        }
        tree.link(
            &format!("../../devices/virtual/{}/{}", names.class, names.node),
            &format!("/sys/class/{}/{}", names.class, names.node),
        );
        let node = tree.node();
        tree.write(&node, "");
        tree.chmod(&node, 0o666);
        tree
    }

    pub(crate) fn load_module(&self) {
        let module = format!("/sys/module/{}", self.names.module);
        self.write(&format!("{module}/version"), format!("{}\n", self.names.release));
        self.write(&format!("{module}/parameters/force_desc_page_size"), "0\n");
        self.write(&format!("{module}/parameters/no_power_mode"), "N\n");
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The path of the device node.
    pub(crate) fn node(&self) -> String {
        format!("/dev/{}", self.names.node)
    }

    /// A file of the board in sysfs.
    pub(crate) fn board(&self, file: &str) -> String {
        format!("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/{file}")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    pub(crate) fn link(&self, target: &str, path: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a link has a directory")).expect("a directory");
        symlink(target, path).expect("a link");
    }

    pub(crate) fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("a mode");
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.path(path);
        let removed =
            if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
