//! Finding devices: [`scan`], [`Board`], [`boards_without_driver`].

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::sysfs::{CLASSES, PCI_VENDOR, Sysfs, hexadecimal};

/// A board that a driver made a device node for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// The device node, `/dev/hailo0` or from 5.3.0 on `/dev/h1x-0`.
    pub node: PathBuf,
    /// The number in the node's name, 0 if there is none.
    pub index: u32,
    /// The device class, one of [`CLASSES`].
    pub class: &'static str,
    /// The address on the PCI bus, such as `0000:01:00.0`.
    pub location: Option<String>,
    /// The PCI vendor and device id: 1e60 and 2864 is a Hailo-8.
    pub pci_id: Option<(u16, u16)>,
    /// What kind of accelerator it is, where the driver says so (4.18.0 to 5.2.0).
    pub accelerator: Option<Accelerator>,
}

/// How an accelerator is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// A neural network core that the host drives (`accelerator_type` 0).
    NeuralNetworkCore,
    /// A system-on-chip with an operating system of its own (`accelerator_type` 1).
    SystemOnChip,
    /// Another number.
    Other(u32),
}

impl Accelerator {
    fn from_number(number: u32) -> Self {
        match number {
            0 => Self::NeuralNetworkCore,
            1 => Self::SystemOnChip,
            number => Self::Other(number),
        }
    }
}

/// A board on the PCI bus that no driver is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnboundBoard {
    /// The address on the PCI bus.
    pub location: String,
    /// The PCI device id.
    pub device_id: u16,
}

/// The boards of this machine that have a device node, in the order of class and number.
///
/// No device is opened. A machine without the driver has no boards, which is not an error.
///
/// # Errors
/// [`ErrorKind::Refused`] if a directory below `/sys` cannot be read.
pub fn scan() -> Result<Vec<Board>> {
    scan_in(&Sysfs::default())
}

/// As [`scan`], in another file tree.
///
/// # Errors
/// As [`scan`].
pub fn scan_in(sysfs: &Sysfs) -> Result<Vec<Board>> {
    let mut boards = Vec::new();
    for class in CLASSES {
        let directory = sysfs.path("sys/class").join(class);
        let names = sysfs.names(&directory).map_err(|error| unreadable(&directory, &error))?;
        let first = boards.len();
        boards.extend(names.iter().map(|name| board(sysfs, class, &directory.join(name), name)));
        boards[first..].sort_by_key(|board| board.index);
    }
    Ok(boards)
}

/// The boards on the PCI bus that no driver is bound to: those that `scan` does not find because the module is not
/// loaded, does not know the board, or failed to start its firmware.
///
/// # Errors
/// [`ErrorKind::Refused`] if a directory below `/sys` cannot be read.
pub fn boards_without_driver(sysfs: &Sysfs) -> Result<Vec<UnboundBoard>> {
    let directory = sysfs.path("sys/bus/pci/devices");
    let names = sysfs.names(&directory).map_err(|error| unreadable(&directory, &error))?;
    let unbound = |location: String| {
        let device = directory.join(&location);
        let (vendor, device_id) = pci_id(sysfs, &device)?;
        (vendor == PCI_VENDOR && !device.join("driver").exists()).then_some(UnboundBoard { location, device_id })
    };
    Ok(names.into_iter().filter_map(unbound).collect())
}

fn unreadable(directory: &Path, error: &std::io::Error) -> Error {
    let errno = error.raw_os_error().and_then(hailo_abi::Errno::from_raw).unwrap_or(hailo_abi::Errno::EINVAL);
    Error::new(&directory.to_string_lossy(), "look for devices", ErrorKind::Refused(errno))
}

fn board(sysfs: &Sysfs, class: &'static str, directory: &Path, name: &str) -> Board {
    let attribute = |name: &str| sysfs.attribute(directory, name);
    // Up to 5.2.0 `device_id` is "vendor:device", from 5.3.0 on it is the address on the bus.
    let device_id = attribute("device_id");
    let stated = device_id.as_deref().and_then(ids);
    let address = device_id.filter(|_| stated.is_none());
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    Board {
        node: sysfs.path("dev").join(name),
        index: name[name.len() - digits..].parse().unwrap_or(0),
        class,
        location: attribute("board_location").or(address),
        pci_id: stated.or_else(|| pci_id(sysfs, &directory.join("device"))),
        accelerator: attribute("accelerator_type").and_then(|text| text.parse().ok()).map(Accelerator::from_number),
    }
}

/// `1e60:2864`.
fn ids(text: &str) -> Option<(u16, u16)> {
    let (vendor, device) = text.split_once(':')?;
    Some((hexadecimal(vendor)?, hexadecimal(device)?))
}

fn pci_id(sysfs: &Sysfs, device: &Path) -> Option<(u16, u16)> {
    let number = |name| hexadecimal(&sysfs.attribute(device, name)?);
    Some((number("vendor")?, number("device")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A made-up root directory, removed when dropped.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("hailo-scan-{name}-{}", std::process::id()));
            fs::create_dir_all(root.join("sys/class")).unwrap();
            Self(root)
        }

        fn write(&self, path: &str, content: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn nothing_is_found_where_no_driver_is_loaded() {
        let tree = Tree::new("none");
        let sysfs = Sysfs::at(&tree.0);
        assert_eq!(scan_in(&sysfs).unwrap(), []);
        assert_eq!(boards_without_driver(&sysfs).unwrap(), []);
        assert_eq!(sysfs.modules(), []);
    }

    #[test]
    fn every_release_names_its_boards_differently() {
        let tree = Tree::new("all");
        for (index, id) in [(10, "1e60:2864"), (2, "1e60:43a2")] {
            tree.write(
                &format!("sys/class/hailo_chardev/hailo{index}/board_location"),
                &format!("0000:{index:02}:00.0"),
            );
            tree.write(&format!("sys/class/hailo_chardev/hailo{index}/device_id"), id);
        }
        tree.write("sys/class/hailo_chardev/hailo2/accelerator_type", "1");
        tree.write("sys/class/hailo1x/h1x-0/device_id", "0000:05:00.0");
        tree.write("sys/class/hailo1x/h1x-0/device/vendor", "0x1e60\n");
        tree.write("sys/class/hailo1x/h1x-0/device/device", "0x45c4\n");
        let sysfs = Sysfs::at(&tree.0);
        let boards = scan_in(&sysfs).unwrap();
        let seen: Vec<_> = boards
            .iter()
            .map(|board| {
                let node = board.node.file_name().unwrap().to_str().unwrap();
                (node, board.location.as_deref(), board.pci_id, board.accelerator)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("hailo2", Some("0000:02:00.0"), Some((0x1e60, 0x43a2)), Some(Accelerator::SystemOnChip)),
                ("hailo10", Some("0000:10:00.0"), Some((0x1e60, 0x2864)), None),
                ("h1x-0", Some("0000:05:00.0"), Some((0x1e60, 0x45c4)), None),
            ]
        );
        assert_eq!(boards[1].index, 10);
        assert_eq!(boards[2].class, "hailo1x");
    }

    #[test]
    fn a_board_without_driver_is_told_from_one_with_it() {
        let tree = Tree::new("unbound");
        for (location, vendor) in [("0000:01:00.0", "0x1e60"), ("0000:02:00.0", "0x8086"), ("0000:03:00.0", "0x1e60")] {
            tree.write(&format!("sys/bus/pci/devices/{location}/vendor"), &format!("{vendor}\n"));
            tree.write(&format!("sys/bus/pci/devices/{location}/device"), "0x2864\n");
        }
        tree.write("sys/bus/pci/devices/0000:03:00.0/driver/module", "");
        tree.write("sys/module/hailo_pci/version", "4.23.0\n");
        let sysfs = Sysfs::at(&tree.0);
        let expected = UnboundBoard { location: "0000:01:00.0".into(), device_id: 0x2864 };
        assert_eq!(boards_without_driver(&sysfs).unwrap(), [expected]);
        assert_eq!(sysfs.modules(), [("hailo_pci", Some("4.23.0".to_owned()))]);
    }
}
