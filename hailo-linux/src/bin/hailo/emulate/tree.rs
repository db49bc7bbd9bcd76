//! The files of emulated boards below `/dev` and `/sys`, as a tree in a temporary directory.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// What a driver release calls its things, and what it shows of a board.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The kernel module.
    pub(super) module: &'static str,
    /// The PCI driver.
    pub(super) driver: &'static str,
    /// The device class.
    pub(super) class: &'static str,
    /// The device node, without its number.
    pub(super) node: &'static str,
    /// Whether the class device hangs below the PCI device.
    pub(super) below_pci: bool,
}

/// One emulated board on the PCI bus.
#[derive(Clone, Debug)]
pub(super) struct Board {
    /// The PCI address.
    pub(super) location: String,
    /// The device id.
    pub(super) device_id: u16,
    /// The attributes of the class device: name and content.
    pub(super) attributes: Vec<(&'static str, String)>,
}

/// The tree. Dropping it removes it.
pub(super) struct Tree {
    root: tempfile::TempDir,
    /// Directories that are wholly emulated, with everything below.
    owned: Vec<PathBuf>,
    /// Directories that list real entries and emulated ones.
    merged: Vec<PathBuf>,
    nodes: Vec<PathBuf>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The device node of this board.
    Node(usize),
    /// A file or directory of the tree, at this real path.
    Tree(PathBuf),
    /// What it is without emulation.
    Real,
}

/// The major number of emulated nodes: one of those that Linux sets aside for experiments.
pub(super) const MAJOR: u32 = 240;

impl Tree {
    /// Writes the tree for these boards.
    ///
    /// # Errors
    /// What the system said about the temporary directory.
    pub(super) fn new(names: &Names, boards: &[Board], version: &str) -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("hailo-emulate-").tempdir()?;
        let mut tree = Self { root, owned: Vec::new(), merged: Vec::new(), nodes: Vec::new() };
        let class = Path::new("/sys/class").join(names.class);
        let driver = Path::new("/sys/bus/pci/drivers").join(names.driver);
        let module = Path::new("/sys/module").join(names.module);
        tree.own(&class)?;
        tree.own(&driver)?;
        tree.own(&module.join("parameters"))?;
        tree.owned.push(module.clone());
        tree.write(&module.join("version"), &format!("{version}\n"))?;
        for (parameter, value) in [("no_power_mode", "N\n"), ("force_desc_page_size", "0\n"), ("o_dbg", "5\n")] {
            tree.write(&module.join("parameters").join(parameter), value)?;
        }
        for (index, board) in boards.iter().enumerate() {
            tree.add(names, index, board, &class, &driver)?;
        }
        for merged in ["/dev", "/sys/class", "/sys/module", "/sys/bus/pci/devices", "/sys/bus/pci/drivers"] {
            tree.merge(Path::new(merged))?;
        }
        Ok(tree)
    }

    fn add(&mut self, names: &Names, index: usize, board: &Board, class: &Path, driver: &Path) -> io::Result<()> {
        let node = format!("{}{index}", names.node);
        let pci = Path::new("/sys/devices/pci0000:00").join(&board.location);
        self.own(&pci)?;
        for (name, content) in [
            ("vendor", "0x1e60\n".to_owned()),
            ("device", format!("{:#06x}\n", board.device_id)),
            ("class", "0x120000\n".to_owned()),
            ("revision", "0x01\n".to_owned()),
            ("enable", "1\n".to_owned()),
            (
                "uevent",
                format!(
                    "DRIVER={}\nPCI_ID=1E60:{:04X}\nPCI_SLOT_NAME={}\n",
                    names.driver, board.device_id, board.location
                ),
            ),
        ] {
            self.write(&pci.join(name), &content)?;
        }
        let device = if names.below_pci {
            pci.join(names.class).join(&node)
        } else {
            Path::new("/sys/devices/virtual").join(names.class).join(&node)
        };
        self.own(&device)?;
        for (name, content) in &board.attributes {
            self.write(&device.join(name), content)?;
        }
        self.write(&device.join("dev"), &format!("{MAJOR}:{index}\n"))?;
        self.write(&device.join("uevent"), &format!("MAJOR={MAJOR}\nMINOR={index}\nDEVNAME={node}\n"))?;
        if names.below_pci {
            self.link(&pci, &device.join("device"))?;
        }
        self.link(class, &device.join("subsystem"))?;
        self.link(&device, &class.join(&node))?;
        self.own(Path::new("/sys/bus/pci/devices"))?;
        self.owned.pop();
        self.link(&pci, &Path::new("/sys/bus/pci/devices").join(&board.location))?;
        self.owned.push(Path::new("/sys/bus/pci/devices").join(&board.location));
        self.link(driver, &pci.join("driver"))?;
        self.link(&pci, &driver.join(&board.location))?;
        let path = Path::new("/dev").join(node);
        self.write(&path, "")?;
        self.nodes.push(path);
        Ok(())
    }

    /// Where a path of the emulated system is in the real one.
    fn real(&self, path: &Path) -> PathBuf {
        self.root.path().join(path.strip_prefix("/").unwrap_or(path))
    }

    fn own(&mut self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(self.real(directory))?;
        self.owned.push(directory.to_owned());
        Ok(())
    }

    fn write(&self, path: &Path, content: &str) -> io::Result<()> {
        let path = self.real(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)
    }

    /// Makes `link` lead to `target`, relative to the tree, so that following it stays inside.
    fn link(&self, target: &Path, link: &Path) -> io::Result<()> {
        let common = target.components().zip(link.components()).take_while(|(target, link)| target == link).count();
        let up = link.components().count().saturating_sub(common + 1);
        let mut relative: PathBuf = std::iter::repeat_n("..", up).collect();
        relative.extend(target.components().skip(common));
        symlink(relative, self.real(link))
    }

    /// Lists the real entries of a directory beside the emulated ones.
    fn merge(&mut self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(self.real(directory))?;
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let emulated = self.real(directory).join(entry.file_name());
            if fs::symlink_metadata(&emulated).is_err() {
                symlink(entry.path(), emulated)?;
            }
        }
        self.merged.push(directory.to_owned());
        Ok(())
    }

    /// What an absolute path of the emulated system leads to.
    pub(super) fn target(&self, path: &Path) -> Target {
        if let Some(index) = self.nodes.iter().position(|node| node == path) {
            return Target::Node(index);
        }
        if self.merged.iter().any(|merged| merged == path) || self.owned.iter().any(|owned| path.starts_with(owned)) {
            return Target::Tree(self.real(path));
        }
        Target::Real
    }

    /// The path in the emulated system of what the kernel calls `path`: a program that opened a directory of the tree has
    /// its real path.
    pub(super) fn emulated(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(self.root.path()) {
            Ok(below) => Path::new("/").join(below),
            Err(_) => path.to_owned(),
        }
    }
}

/// A path without `.` and `..`, as far as its text says.
pub(super) fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normalized.pop();
            }
            other => normalized.push(other),
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use super::{Board, Names, Path, Target, Tree, fs, normalized};

    fn tree() -> Tree {
        let names =
            Names { module: "hailo_pci", driver: "hailo", class: "hailo_chardev", node: "hailo", below_pci: true };
        let board = Board {
            location: "0000:01:00.0".into(),
            device_id: 0x2864,
            attributes: vec![("board_location", "0000:01:00.0".into()), ("accelerator_type", "0".into())],
        };
        Tree::new(&names, &[board], "4.23.0").expect("a temporary directory")
    }

    #[test]
    fn a_scan_finds_the_board() {
        let tree = tree();
        let Target::Tree(class) = tree.target(Path::new("/sys/class/hailo_chardev")) else { panic!("not emulated") };
        let location = class.join("hailo0/board_location");
        assert_eq!(fs::read_to_string(location).expect("the attribute"), "0000:01:00.0", "without a line end");
        let Target::Tree(device) = tree.target(Path::new("/sys/bus/pci/devices/0000:01:00.0/device")) else {
            panic!("not emulated")
        };
        assert_eq!(fs::read_to_string(device).expect("the attribute"), "0x2864\n");
    }

    #[test]
    fn only_what_belongs_to_the_boards_is_emulated() {
        let tree = tree();
        assert_eq!(tree.target(Path::new("/dev/hailo0")), Target::Node(0));
        assert_eq!(tree.target(Path::new("/dev/hailo1")), Target::Real);
        assert_eq!(tree.target(Path::new("/dev/null")), Target::Real);
        assert_eq!(tree.target(Path::new("/sys/class/net")), Target::Real);
        assert!(matches!(tree.target(Path::new("/sys/class")), Target::Tree(_)));
    }

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(normalized(Path::new("/sys/./class/../class/x")), Path::new("/sys/class/x"));
        assert_eq!(normalized(Path::new("/../dev")), Path::new("/dev"));
    }
}
