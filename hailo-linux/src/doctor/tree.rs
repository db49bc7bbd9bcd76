//! [`Tree`]: the files of the system that is looked at, which may be another one's, below some directory.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

/// The most bytes of a file that are looked at: enough for every text and for the header of a firmware.
const MAX_FILE: u64 = 4 << 20;

/// A directory that is taken for `/`. Absolute symbolic links and `..` stay inside.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

/// Who may do what with a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    /// The permission bits.
    pub(super) mode: u32,
    /// The owner.
    pub(super) uid: u32,
    /// The group.
    pub(super) gid: u32,
}

impl Tree {
    pub(super) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether it is the system that this program runs on.
    pub(super) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    fn open(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        // A path alone may not be combined with flags for reading.
        let reading = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK };
        let flags = flags | reading | OFlags::CLOEXEC;
        if self.is_live() {
            return Ok(rustix::fs::open(path, flags, Mode::empty())?);
        }
        let relative = path.trim_start_matches('/');
        let root = rustix::fs::open(&self.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        match rustix::fs::openat2(&root, relative, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            // Kernels before 5.6 and some sandboxes: then an absolute link leads out of the tree.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
                Ok(rustix::fs::openat(CWD, self.root.join(relative), flags, Mode::empty())?)
            }
            other => Ok(other?),
        }
    }

    /// The bytes of a file, at most the first few megabytes.
    pub(super) fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = fs::File::from(self.open(path, OFlags::RDONLY)?);
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What single reads of a file give, until there is no more or a read fails: for files of records, such as `/dev/kmsg`.
    pub(super) fn records(&self, path: &str) -> Vec<u8> {
        let Ok(file) = self.open(path, OFlags::RDONLY) else { return Vec::new() };
        let (mut records, mut record) = (Vec::new(), [0; 8192]);
        loop {
            match rustix::io::read(&file, &mut record) {
                Ok(length) if length > 0 && records.len() < MAX_FILE as usize => records.extend(&record[..length]),
                // The oldest records were overwritten meanwhile.
                Err(rustix::io::Errno::PIPE) => {}
                _ => return records,
            }
        }
    }

    /// The text of a file without the space around it, or `None` if it cannot be read.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let bytes = self.bytes(path).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    }

    /// The names in a directory, sorted; none if there is no such directory.
    pub(super) fn list(&self, path: &str) -> Vec<String> {
        self.try_list(path).unwrap_or_default()
    }

    /// The names in a directory, sorted.
    pub(super) fn try_list(&self, path: &str) -> io::Result<Vec<String>> {
        let directory = self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether there is something under this name, after following links.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.open(path, OFlags::PATH).is_ok()
    }

    /// Owner and permissions.
    pub(super) fn status(&self, path: &str) -> io::Result<Status> {
        let metadata = fs::File::from(self.open(path, OFlags::PATH)?).metadata()?;
        Ok(Status { mode: metadata.mode() & 0o7777, uid: metadata.uid(), gid: metadata.gid() })
    }

    /// What a symbolic link says.
    pub(super) fn link(&self, path: &str) -> Option<PathBuf> {
        let link = self.open(path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let target = rustix::fs::readlinkat(&link, "", Vec::new()).ok()?;
        Some(PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(target.into_bytes())))
    }

    /// The last part of what a symbolic link says: the name of a driver or module.
    pub(super) fn link_name(&self, path: &str) -> Option<String> {
        Some(self.link(path)?.file_name()?.to_string_lossy().into_owned())
    }

    /// Every file below a directory whose path `wanted` accepts, at most `depth` directories down.
    pub(super) fn find(&self, path: &str, depth: usize, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for name in self.list(path) {
            let below = format!("{path}/{name}");
            if wanted(&below) {
                found.push(below);
            } else if depth > 0 && self.link(&below).is_none() {
                found.extend(self.find(&below, depth - 1, wanted));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::Tree;

    #[test]
    fn links_stay_inside_the_tree() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/deep")).unwrap();
        std::fs::write(root.path().join("etc/name"), "inside\n\0").unwrap();
        symlink("/etc/name", root.path().join("etc/absolute")).unwrap();
        symlink("../../../../../etc/name", root.path().join("etc/deep/relative")).unwrap();
        symlink("nowhere", root.path().join("etc/dangling")).unwrap();
        let tree = Tree::new(root.path());
        for path in ["/etc/name", "/etc/absolute", "/etc/deep/relative"] {
            assert_eq!(tree.text(path).as_deref(), Some("inside"), "{path}");
        }
        assert!(!tree.exists("/etc/dangling"));
        assert_eq!(tree.link_name("/etc/dangling").as_deref(), Some("nowhere"));
        assert_eq!(tree.list("/etc"), ["absolute", "dangling", "deep", "name"]);
        assert!(tree.link("/etc/name").is_none());
        assert_eq!(tree.find("/etc", 3, &|path| path.ends_with("relative")), ["/etc/deep/relative"]);
    }
}
