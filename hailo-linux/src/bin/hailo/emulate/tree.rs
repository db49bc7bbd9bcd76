//! The files of emulated boards below `/dev` and `/sys`, as a tree in a temporary directory.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use hailo_mock::{Machine, SysfsEntry};

use super::events::Event;

/// The tree. Dropping it removes it.
pub(super) struct Tree {
    root: tempfile::TempDir,
    /// What is emulated, with everything below it.
    owned: Vec<PathBuf>,
    /// Directories that list real entries and emulated ones.
    merged: Vec<PathBuf>,
    /// The boards that have a node, and it.
    nodes: Vec<(usize, PathBuf)>,
    /// What writing to real paths of the tree does.
    events: Vec<(PathBuf, Event)>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The device node of this board.
    Node(usize),
    /// A file or directory of the tree, at this real path.
    Tree(PathBuf),
    /// A file of the tree at this real path, which does something to the machine when it is written to.
    Event(PathBuf, Event),
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
        let merged = vec![PathBuf::from("/dev")];
        let mut tree = Self { root, owned: Vec::new(), merged, nodes: Vec::new(), events: Vec::new() };
        fs::create_dir(tree.real(Path::new("/dev")))?;
        for (path, entry) in machine.sysfs() {
            tree.add(Path::new(&path), &entry)?;
        }
        for board in (0..machine.boards()).filter(|board| machine.has_node(*board)) {
            let node = Path::new("/dev").join(machine.node_name(board));
            fs::write(tree.real(&node), "")?;
            tree.nodes.push((board, node));
            tree.add_event(
                &format!("/sys/bus/pci/devices/{}/remove", machine.board_location(board)),
                "",
                Event::Remove(board),
            )?;
        }
        tree.add_event("/sys/bus/pci/rescan", "", Event::Rescan)?;
        tree.add_event("/sys/power/state", "freeze mem\n", Event::Suspend)?;
        tree.add_event("/sys/power/pm_test", "none core processors platform [devices] freezer\n", Event::SuspendTest)?;
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

    /// Adds a file that does something when it is written to.
    fn add_event(&mut self, path: &str, content: &str, event: Event) -> io::Result<()> {
        let path = Path::new(path);
        for directory in path.ancestors().skip(1).collect::<Vec<_>>().into_iter().rev() {
            if fs::symlink_metadata(self.real(directory)).is_err() {
                self.add(directory, &SysfsEntry::Directory)?;
            }
        }
        let mode = if content.is_empty() { 0o200 } else { 0o644 };
        self.add(path, &SysfsEntry::File { content: content.to_owned(), mode })?;
        // The way may lead through links.
        self.events.push((fs::canonicalize(self.real(path))?, event));
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
        if let Some((board, _)) = self.nodes.iter().find(|(_, node)| node == path) {
            return Target::Node(*board);
        }
        if self.merged.iter().any(|merged| merged == path) || self.owned.iter().any(|owned| path.starts_with(owned)) {
            let real = self.real(path);
            let event =
                fs::canonicalize(&real).ok().and_then(|file| self.events.iter().find(|(path, _)| *path == file));
            return match event {
                Some((_, event)) => Target::Event(real, *event),
                None => Target::Tree(real),
            };
        }
        Target::Real
    }

    /// Whether the driver's module has this name.
    pub(super) fn is_module(&self, name: &Path) -> bool {
        let module = Path::new("/sys/module").join(name);
        name.components().count() == 1 && self.owned.contains(&module)
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
    use super::{Event, Machine, Path, Target, Tree, fs, normalized};

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
    fn files_that_do_something_are_found_through_links() {
        let tree = tree();
        let event = |path: &str| match tree.target(Path::new(path)) {
            Target::Event(_, event) => Some(event),
            _ => None,
        };
        assert_eq!(event("/sys/bus/pci/devices/0000:01:00.0/remove"), Some(Event::Remove(0)));
        assert_eq!(event("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/remove"), Some(Event::Remove(0)));
        assert_eq!(event("/sys/bus/pci/rescan"), Some(Event::Rescan));
        assert_eq!(event("/sys/power/state"), Some(Event::Suspend));
        assert_eq!(event("/sys/bus/pci/devices/0000:01:00.0/device"), None);
        assert!(tree.is_module(Path::new("hailo_pci")));
        assert!(!tree.is_module(Path::new("parameters")) && !tree.is_module(Path::new("")));
    }

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(normalized(Path::new("/sys/./class/../class/x")), Path::new("/sys/class/x"));
        assert_eq!(normalized(Path::new("/../dev")), Path::new("/dev"));
    }
}
