//! System calls that look at paths and files: opening, status, access, links, and unloading the driver's module.
//!
//! What does not concern an emulated board is let through, and the kernel carries it out itself.

use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hailo_mock::Machine;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::events::Event;
use super::seccomp::Call;
use super::tree::{Target, Tree, normalized};

/// The longest path that the kernel takes, in bytes.
const PATH_MAX: usize = libc::PATH_MAX as usize;
const PAGE: usize = 4096;

/// How a call is to be answered.
pub(super) enum Outcome {
    /// It is none of ours.
    LetThrough,
    /// With this value or error number.
    Answer(Result<i64, i32>),
    /// By opening this board's device node with these flags.
    OpenNode(usize, i32),
    /// With this descriptor; true: close on exec.
    Descriptor(OwnedFd, bool),
    /// With a descriptor to write to, which does something; true: close on exec.
    OpenEvent(Event, bool),
}

/// Whether the system lets this process read the memory of a thread, where an address is good.
///
/// # Errors
/// Why not.
pub(super) fn may_read(thread: u32, address: u64) -> io::Result<()> {
    let pid = Pid::from_raw(thread as i32);
    let remote = RemoteIoVec { base: address as usize, len: 1 };
    process_vm_readv(pid, &mut [io::IoSliceMut::new(&mut [0])], &[remote])?;
    Ok(())
}

/// The path in a thread's memory at `address`, or `None` if there is none that can be read.
fn path_at(thread: u32, address: u64) -> Option<PathBuf> {
    let pid = Pid::from_raw(i32::try_from(thread).ok()?);
    let mut path = Vec::new();
    let mut address = usize::try_from(address).ok()?;
    while path.len() < PATH_MAX {
        let mut chunk = [0; PAGE];
        // Up to the end of the page: the next one may not be there.
        let length = PAGE - address % PAGE;
        let remote = RemoteIoVec { base: address, len: length };
        let mut local = [io::IoSliceMut::new(&mut chunk[..length])];
        let read = process_vm_readv(pid, &mut local, &[remote]).ok()?;
        let read = chunk.get(..read)?;
        if let Some(end) = read.iter().position(|byte| *byte == 0) {
            path.extend_from_slice(&read[..end]);
            return Some(PathBuf::from(OsStr::from_bytes(&path)));
        }
        if read.len() < length {
            return None;
        }
        path.extend_from_slice(read);
        address = address.checked_add(length)?;
    }
    None
}

/// Writes into a thread's memory.
fn write(thread: u32, address: u64, bytes: &[u8]) -> Result<(), i32> {
    let pid = Pid::from_raw(i32::try_from(thread).map_err(|_| libc::ESRCH)?);
    let base = usize::try_from(address).map_err(|_| libc::EFAULT)?;
    let remote = RemoteIoVec { base, len: bytes.len() };
    match process_vm_writev(pid, &[io::IoSlice::new(bytes)], &[remote]) {
        Ok(written) if written == bytes.len() => Ok(()),
        _ => Err(libc::EFAULT),
    }
}

/// A path argument with the directory it is relative to.
struct Lookup {
    thread: u32,
    directory: i32,
    path: u64,
}

impl Lookup {
    /// What the path leads to. `None`: the kernel may find out.
    fn target(&self, tree: &Tree) -> Option<Target> {
        let path = path_at(self.thread, self.path)?;
        let absolute = if path.is_absolute() {
            path
        } else if path.as_os_str().is_empty() {
            return None;
        } else {
            let base = match self.directory {
                libc::AT_FDCWD => format!("/proc/{}/cwd", self.thread),
                directory => format!("/proc/{}/fd/{directory}", self.thread),
            };
            fs::read_link(base).ok()?.join(path)
        };
        match tree.target(&tree.emulated(&normalized(&absolute))) {
            Target::Real => None,
            target => Some(target),
        }
    }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// Low 32 bits of an argument, as the kernel takes an `int`.
fn int(argument: u64) -> i32 {
    argument as u32 as i32
}

/// Whether a file of `/sys` may be opened like this. Its mode binds root too, as in the kernel's `kernfs_fop_open`.
fn may_open(path: &Path, flags: i32) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return true };
    let needed = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => [0o444, 0o444],
        libc::O_WRONLY => [0o222, 0o222],
        _ => [0o444, 0o222],
    };
    let has_all = needed.iter().all(|bits| metadata.permissions().mode() & bits != 0);
    has_all || !metadata.is_file() || flags & libc::O_PATH != 0
}

/// Opens a file of the tree for the program.
fn open(path: &Path, flags: i32) -> Outcome {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return Outcome::Answer(Err(libc::ENOENT)) };
    let close_on_exec = flags & libc::O_CLOEXEC != 0;
    // The files of `/sys` are not there to be created or emptied.
    let flags = rustix::fs::OFlags::from_bits_retain((flags & !(libc::O_CREAT | libc::O_TRUNC)) as u32);
    match rustix::fs::open(path, flags | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty()) {
        Ok(file) => Outcome::Descriptor(file, close_on_exec),
        Err(error) => Outcome::Answer(Err(error.raw_os_error())),
    }
}

/// The status of a device node or a file of the tree, in the layout of `stat(2)`.
fn status(target: &Target, follow: bool, machine: &Machine) -> Result<libc::stat, i32> {
    match target {
        Target::Tree(path) | Target::Event(path, _) => {
            let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| libc::ENOENT)?;
            // SAFETY: an all-zero stat is a valid one, which the call overwrites; the path ends with a zero.
            let (result, status) = unsafe {
                let mut status: libc::stat = std::mem::zeroed();
                let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
                (libc::fstatat(libc::AT_FDCWD, path.as_ptr(), &raw mut status, flags), status)
            };
            if result == 0 { Ok(status) } else { Err(errno(&io::Error::last_os_error())) }
        }
        Target::Node(board) => Ok(node_status(machine, *board)),
        Target::Real => Err(libc::ENOENT),
    }
}

/// The status of a device node: a character device that everybody may use, as with the vendor's udev rule.
fn node_status(machine: &Machine, board: usize) -> libc::stat {
    let (major, minor) = machine.node_number(board);
    // SAFETY: an all-zero stat is a valid one.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    status.st_mode = libc::S_IFCHR | 0o666;
    status.st_nlink = 1;
    status.st_blksize = PAGE as _;
    status.st_rdev = libc::makedev(major, minor);
    status.st_ino = 1 + board as u64;
    status
}

fn stat_bytes(status: &libc::stat) -> &[u8] {
    // SAFETY: the struct is plain data that was zeroed before it was filled, so that every byte is initialised; the slice
    // lives as long as the reference.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(status).cast(), size_of::<libc::stat>()) }
}

fn statx_bytes(status: &libc::statx) -> &[u8] {
    // SAFETY: as `stat_bytes`.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(status).cast(), size_of::<libc::statx>()) }
}

/// The same status in the layout of `statx(2)`.
fn extended(status: &libc::stat) -> libc::statx {
    // SAFETY: an all-zero statx is a valid one.
    let mut extended: libc::statx = unsafe { std::mem::zeroed() };
    extended.stx_mask = libc::STATX_BASIC_STATS;
    extended.stx_blksize = status.st_blksize as u32;
    extended.stx_nlink = status.st_nlink as u32;
    extended.stx_uid = status.st_uid;
    extended.stx_gid = status.st_gid;
    extended.stx_mode = status.st_mode as u16;
    extended.stx_ino = status.st_ino;
    extended.stx_size = status.st_size as u64;
    extended.stx_blocks = status.st_blocks as u64;
    extended.stx_rdev_major = libc::major(status.st_rdev);
    extended.stx_rdev_minor = libc::minor(status.st_rdev);
    extended.stx_dev_major = libc::major(status.st_dev);
    extended.stx_dev_minor = libc::minor(status.st_dev);
    extended
}

/// Handles a call that looks at a path. `find` tells which board a descriptor of the program is open on.
pub(super) fn handle(machine: &Machine, tree: &Tree, call: &Call, find: &dyn Fn(i32) -> Option<usize>) -> Outcome {
    let thread = call.thread;
    let [first, second, third, fourth, fifth, _] = call.arguments;
    let relative = |directory: u64, path: u64| Lookup { thread, directory: int(directory), path };
    let absolute = |path: u64| Lookup { thread, directory: libc::AT_FDCWD, path };
    let opened = |lookup: Lookup, flags: i32| match lookup.target(tree) {
        None | Some(Target::Real) => Outcome::LetThrough,
        Some(Target::Node(board)) => Outcome::OpenNode(board, flags),
        Some(Target::Tree(path) | Target::Event(path, _)) if !may_open(&path, flags) => {
            Outcome::Answer(Err(libc::EACCES))
        }
        Some(Target::Event(_, event)) if flags & libc::O_ACCMODE != libc::O_RDONLY => {
            Outcome::OpenEvent(event, flags & libc::O_CLOEXEC != 0)
        }
        Some(Target::Tree(path) | Target::Event(path, _)) => open(&path, flags),
    };
    let checked = |lookup: Lookup, follow: bool, mode: i32| match lookup.target(tree) {
        None => Outcome::LetThrough,
        Some(target) => Outcome::Answer(status(&target, follow, machine).and_then(|status| {
            let executable = status.st_mode & 0o111 != 0;
            if mode & libc::X_OK != 0 && !executable { Err(libc::EACCES) } else { Ok(0) }
        })),
    };
    let status_of = |lookup: Lookup, follow: bool, buffer: u64| match lookup.target(tree) {
        None => Outcome::LetThrough,
        Some(target) => Outcome::Answer(
            status(&target, follow, machine).and_then(|status| write(thread, buffer, stat_bytes(&status)).map(|()| 0)),
        ),
    };
    let link = |lookup: Lookup, buffer: u64, size: u64| match lookup.target(tree) {
        None => Outcome::LetThrough,
        Some(Target::Tree(path)) => {
            Outcome::Answer(fs::read_link(path).map_err(|error| errno(&error)).and_then(|link| {
                let link = tree.emulated(&link);
                let bytes = link.as_os_str().as_bytes();
                let length = bytes.len().min(usize::try_from(size).unwrap_or(usize::MAX));
                write(thread, buffer, &bytes[..length]).map(|()| length as i64)
            }))
        }
        Some(_) => Outcome::Answer(Err(libc::EINVAL)),
    };
    let follows = |flags: u64| int(flags) & libc::AT_SYMLINK_NOFOLLOW == 0;
    // The status of an open descriptor: of ours it is that of the node.
    let descriptor = |descriptor: u64| find(int(descriptor)).map(|board| node_status(machine, board));

    match call.number {
        libc::SYS_openat => opened(relative(first, second), int(third)),
        libc::SYS_openat2 => {
            let mut flags = [0; 8];
            let pid = Pid::from_raw(thread as i32);
            let remote = RemoteIoVec { base: third as usize, len: flags.len() };
            match process_vm_readv(pid, &mut [io::IoSliceMut::new(&mut flags)], &[remote]) {
                Ok(8) => opened(relative(first, second), u64::from_le_bytes(flags) as i32),
                _ => Outcome::LetThrough,
            }
        }
        libc::SYS_newfstatat => {
            if int(fourth) & libc::AT_EMPTY_PATH != 0
                && let Some(status) = descriptor(first)
            {
                return Outcome::Answer(write(thread, third, stat_bytes(&status)).map(|()| 0));
            }
            status_of(relative(first, second), follows(fourth), third)
        }
        libc::SYS_fstat => match descriptor(first) {
            Some(status) => Outcome::Answer(write(thread, second, stat_bytes(&status)).map(|()| 0)),
            None => Outcome::LetThrough,
        },
        libc::SYS_statx => {
            let opened = if int(third) & libc::AT_EMPTY_PATH != 0 { descriptor(first).map(Ok) } else { None };
            let looked_up =
                || relative(first, second).target(tree).map(|target| status(&target, follows(third), machine));
            match opened.or_else(looked_up) {
                None => Outcome::LetThrough,
                Some(status) => Outcome::Answer(
                    status.and_then(|status| write(thread, fifth, statx_bytes(&extended(&status))).map(|()| 0)),
                ),
            }
        }
        libc::SYS_faccessat | libc::SYS_faccessat2 => checked(relative(first, second), true, int(third)),
        libc::SYS_delete_module => match path_at(thread, first) {
            Some(name) if tree.is_module(&name) => {
                Outcome::Answer(machine.unload_driver().map(|()| 0).map_err(|errno| errno.raw()))
            }
            _ => Outcome::LetThrough,
        },
        // Nothing emulated has extended attributes.
        libc::SYS_getxattr | libc::SYS_lgetxattr | libc::SYS_listxattr | libc::SYS_llistxattr => {
            match absolute(first).target(tree) {
                None => Outcome::LetThrough,
                Some(_) => Outcome::Answer(Err(libc::EOPNOTSUPP)),
            }
        }
        libc::SYS_readlinkat => link(relative(first, second), third, fourth),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => opened(absolute(first), int(second)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_stat => status_of(absolute(first), true, second),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lstat => status_of(absolute(first), false, second),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_access => checked(absolute(first), true, int(second)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_readlink => link(absolute(first), second, third),
        _ => Outcome::LetThrough,
    }
}

#[cfg(test)]
mod tests {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

    use super::{PAGE, Path, path_at, write};

    #[test]
    fn paths_are_read_up_to_the_end_of_the_memory() {
        let text = c"/dev/hailo0";
        let path = path_at(std::process::id(), text.as_ptr() as u64);
        assert_eq!(path.as_deref(), Some(Path::new("/dev/hailo0")));
        assert_eq!(path_at(std::process::id(), 16), None);
    }

    #[test]
    fn paths_cross_pages_and_may_end_with_the_memory() {
        let length = 3 * PAGE;
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: new memory, which nothing else knows of; what can no longer be accessed is not part of the slice.
        let bytes = unsafe {
            let memory = mmap_anonymous(std::ptr::null_mut(), length, protection, flags).expect("memory").cast::<u8>();
            mprotect(memory.add(2 * PAGE).cast(), PAGE, MprotectFlags::empty()).expect("it was mapped");
            std::slice::from_raw_parts_mut(memory, 2 * PAGE)
        };
        let start = bytes.as_ptr() as u64;
        let at = |offset: usize| path_at(std::process::id(), start + offset as u64);
        for offset in [PAGE - 11, PAGE - 1, PAGE] {
            bytes[offset..offset + 12].copy_from_slice(b"/dev/hailo0\0");
            assert_eq!(at(offset).as_deref(), Some(Path::new("/dev/hailo0")), "{offset}");
        }
        // Nothing after it, with an end and without one.
        bytes[2 * PAGE - 12..].copy_from_slice(b"/dev/hailo0\0");
        assert_eq!(at(2 * PAGE - 12).as_deref(), Some(Path::new("/dev/hailo0")));
        bytes[2 * PAGE - 1] = b'1';
        assert_eq!(at(2 * PAGE - 12), None);
    }

    #[test]
    fn writing_to_a_bad_address_is_a_fault() {
        let mut number = 0u64;
        let address = std::ptr::from_mut(&mut number) as u64;
        assert_eq!(write(std::process::id(), address, &7u64.to_le_bytes()), Ok(()));
        assert_eq!(number, 7);
        assert_eq!(write(std::process::id(), 16, &[1]), Err(libc::EFAULT));
    }
}
