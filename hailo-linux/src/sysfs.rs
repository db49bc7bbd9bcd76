//! [`Sysfs`]: what the kernel says about devices, modules and boards below `/sys`, with a root that tests can move.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The names of the device classes that the drivers register: up to 5.2.0, from 5.3.0 on, and that of the integrated
/// driver from 5.3.0 on.
pub const CLASSES: [&str; 3] = ["hailo_chardev", "hailo1x", "hailo1x_integrated"];

/// The vendor's PCI id.
pub const PCI_VENDOR: u16 = 0x1e60;

/// The modules that drive the boards.
pub const MODULES: [&str; 3] = ["hailo_pci", "hailo1x_pci", "hailo_integrated_nnc"];

/// A file tree that looks like the root of the file system: `/`, or a made-up one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysfs {
    root: PathBuf,
}

impl Default for Sysfs {
    fn default() -> Self {
        Self { root: PathBuf::from("/") }
    }
}

impl Sysfs {
    /// The tree below `root`, which has `sys` and `dev`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A path below the root.
    #[must_use]
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// The content of an attribute without white space at its end, or `None` if it is absent or cannot be read. (The
    /// drivers write no newline, the kernel's own attributes do.)
    #[must_use]
    pub fn attribute(&self, directory: &Path, name: &str) -> Option<String> {
        let text = fs::read_to_string(directory.join(name)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// The sorted names in a directory; none if there is no such directory.
    ///
    /// # Errors
    /// Whatever else keeps the directory from being read.
    pub fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not Unicode is not one that a driver gave.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Which of the drivers' [`MODULES`] are loaded, with the version that they state, if they state one.
    #[must_use]
    pub fn modules(&self) -> Vec<(&'static str, Option<String>)> {
        let directory = |module: &str| self.path("sys/module").join(module);
        MODULES
            .into_iter()
            .filter(|module| directory(module).is_dir())
            .map(|module| (module, self.attribute(&directory(module), "version")))
            .collect()
    }
}

/// A number in hexadecimal, with or without `0x`.
pub(crate) fn hexadecimal(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}
