//! [`User`]: for whom devices should work.

use core::fmt;

use super::tree::{Status, Tree};

/// A user of the system that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, if it is known.
    pub name: Option<String>,
    /// The number; none for an ordinary user whom nobody named, who owns nothing.
    pub uid: Option<u32>,
    /// The groups.
    pub groups: Vec<u32>,
}

/// A name that is not in a system's `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownUser(pub String);

impl fmt::Display for UnknownUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no user {} is in the system's /etc/passwd; give a name from there or a number", self.0)
    }
}

impl std::error::Error for UnknownUser {}

impl User {
    pub(super) fn ordinary() -> Self {
        Self { name: None, uid: None, groups: Vec::new() }
    }

    /// The one who runs this program.
    pub(super) fn current() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let mut groups = vec![rustix::process::getegid().as_raw()];
        groups.extend(rustix::process::getgroups().unwrap_or_default().into_iter().map(rustix::process::Gid::as_raw));
        let entry = entries(&Tree::new("/"), "/etc/passwd").into_iter().find(|entry| entry.id == uid);
        Self { name: entry.map(|entry| entry.name), uid: Some(uid), groups }
    }

    pub(super) fn named(tree: &Tree, user: &str) -> Result<Self, UnknownUser> {
        let number = user.parse().ok();
        let entry =
            entries(tree, "/etc/passwd").into_iter().find(|entry| entry.name == user || Some(entry.id) == number);
        let (name, uid, primary) = match (entry, number) {
            (Some(entry), _) => {
                (Some(entry.name), entry.id, entry.rest.split(':').next().and_then(|gid| gid.parse().ok()))
            }
            (None, Some(number)) => (None, number, None),
            (None, None) => return Err(UnknownUser(user.to_owned())),
        };
        let mut groups: Vec<u32> = primary.into_iter().collect();
        if let Some(name) = &name {
            let member = |entry: &Entry| entry.rest.split(',').any(|member| member == name);
            groups.extend(entries(tree, "/etc/group").iter().filter(|entry| member(entry)).map(|entry| entry.id));
        }
        Ok(Self { name, uid: Some(uid), groups })
    }

    /// Whether the permission bits let this user read and write.
    pub(super) fn may_use(&self, status: Status) -> bool {
        let wanted = if self.is_root() {
            return true;
        } else if self.uid == Some(status.uid) {
            0o600
        } else if self.groups.contains(&status.gid) {
            0o060
        } else {
            0o006
        };
        status.mode & wanted == wanted
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == Some(0)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.uid) {
            (Some(name), _) => write!(f, "the user {name}"),
            (None, Some(uid)) => write!(f, "the user with the number {uid}"),
            (None, None) => f.write_str("an ordinary user"),
        }
    }
}

/// A line of `/etc/passwd` or `/etc/group`: `name:password:id:rest`.
struct Entry {
    name: String,
    id: u32,
    rest: String,
}

fn entries(tree: &Tree, path: &str) -> Vec<Entry> {
    let text = tree.text(path).unwrap_or_default();
    let entry = |line: &str| {
        let mut parts = line.splitn(4, ':');
        let name = parts.next()?.to_owned();
        let id = parts.nth(1)?.parse().ok()?;
        Some(Entry { name, id, rest: parts.next().unwrap_or_default().to_owned() })
    };
    text.lines().filter_map(entry).collect()
}

/// The name of a group, or its number where it has none.
pub(super) fn group_name(tree: &Tree, gid: u32) -> String {
    let entry = entries(tree, "/etc/group").into_iter().find(|entry| entry.id == gid);
    entry.map_or_else(|| if gid == 0 { "root".into() } else { gid.to_string() }, |entry| entry.name)
}

/// The name of a user, or its number where it has none.
pub(super) fn user_name(tree: &Tree, uid: u32) -> String {
    let entry = entries(tree, "/etc/passwd").into_iter().find(|entry| entry.id == uid);
    entry.map_or_else(|| if uid == 0 { "root".into() } else { uid.to_string() }, |entry| entry.name)
}
