//! The files of emulated boards below `/dev` and `/sys`, as a tree in a temporary directory.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use hailo_mock::{Machine, SysfsEntry};

/// The tree. Dropping it removes it.
pub(super) struct Tree {
    root: tempfile::TempDir,
    /// What is emulated, with everything below it.
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

impl Tree {
    /// Writes the tree for the boards of a machine.
    ///
    /// # Errors
    /// What the system said about the temporary directory.
    pub(super) fn new(machine: &Machine) -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("hailo-emulate-").tempdir()?;
        let mut tree = Self { root, owned: Vec::new(), merged: vec![PathBuf::from("/dev")], nodes: Vec::new() };
        fs::create_dir(tree.real(Path::new("/dev")))?;
        for (path, entry) in machine.sysfs() {
            tree.add(Path::new(&path), &entry)?;
        }
        for board in 0..machine.boards() {
            let node = Path::new("/dev").join(machine.node_name(board));
            fs::write(tree.real(&node), "")?;
            tree.nodes.push(node);
        }
        for directory in tree.merged.clone() {
            tree.merge(&directory)?;
        }
        Ok(tree)
    }

    fn add(&mut self, path: &Path, entry: &SysfsEntry) -> io::Result<()> {
        let real = self.real(path);
        match entry {
            SysfsEntry::Directory => fs::create_dir_all(&real)?,
            SysfsEntry::File { content, mode } => {
                fs::write(&real, content)?;
                fs::set_permissions(&real, fs::Permissions::from_mode(*mode))?;
            }
            SysfsEntry::Link { target } => symlink(target, &real)?,
        }
        if self.owned.iter().any(|owned| path.starts_with(owned)) {
            return Ok(());
        }
        // What a driver in this computer shows of its own boards is hidden.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let of_a_driver = name.contains("hailo") || name.starts_with("h1x");
        if *entry == SysfsEntry::Directory && path.is_dir() && !of_a_driver {
            self.merged.push(path.to_owned());
        } else {
            self.owned.push(path.to_owned());
        }
        Ok(())
    }

    /// Where a path of the emulated system is in the real one.
    fn real(&self, path: &Path) -> PathBuf {
        self.root.path().join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Lists the real entries of a directory beside the emulated ones.
    fn merge(&self, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let emulated = self.real(directory).join(entry.file_name());
            if fs::symlink_metadata(&emulated).is_err() {
                symlink(entry.path(), emulated)?;
            }
        }
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
    use super::{Machine, Path, Target, Tree, fs, normalized};

    fn tree() -> Tree {
        Tree::new(&Machine::builder().build().expect("a machine")).expect("a temporary directory")
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
