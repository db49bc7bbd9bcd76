//! The real thing: system calls on a device node, and memory of this process with any protection.
//!
//! The only file of the test package with unsafe code.

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

use crate::conformance::system::{Access, Answer, Descriptor, Events, Fate, Laboratory, Release, Signal, System};

pub(crate) const PAGE: usize = 4096;

fn answer(value: impl Into<i64>) -> Answer {
    let value = value.into();
    if value < 0 { Err(Errno::last_raw()) } else { Ok(value) }
}

/// Pages of this process: mapped on creation, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) address: usize,
    length: usize,
    /// A page that was taken away; something else may be there by now.
    hole: Option<usize>,
}

/// What a page may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    None,
    Read,
    ReadWrite,
}

impl Protection {
    fn bits(self) -> i32 {
        match self {
            Self::None => libc::PROT_NONE,
            Self::Read => libc::PROT_READ,
            Self::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        }
    }
}

impl Region {
    fn map(length: usize, protection: Protection, flags: i32, file: Descriptor) -> Self {
        Self::map_near(0, length, protection, flags, file)
    }

    /// Maps at an address, or where the kernel likes if that is taken.
    fn map_near(address: usize, length: usize, protection: Protection, flags: i32, file: Descriptor) -> Self {
        // SAFETY: a new mapping, not at a fixed address; no existing memory is touched.
        let start = unsafe { libc::mmap(address as *mut _, length, protection.bits(), flags, file, 0) };
        assert!(start != libc::MAP_FAILED, "no memory for {length} bytes: {}", Errno::last());
        Self { address: start as usize, length, hole: None }
    }

    /// Anonymous private pages that were never touched.
    pub(crate) fn untouched(pages: usize, protection: Protection) -> Self {
        Self::map(pages * PAGE, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }

    /// Anonymous private pages, readable and writable, all present.
    pub(crate) fn new(pages: usize) -> Self {
        let region = Self::untouched(pages, Protection::ReadWrite);
        region.touch(pages);
        region
    }

    /// As `new`, but one page is missing. The pages are far from where the kernel maps by itself: it would soon fill the gap
    /// for another thread.
    pub(crate) fn holed(pages: usize, hole: usize) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0x2000_0000_0000);
        let address = NEXT.fetch_add(1 << 20, Ordering::Relaxed);
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let mut region = Self::map_near(address, pages * PAGE, Protection::ReadWrite, anonymous, -1);
        region.touch(pages);
        region.punch(hole);
        region
    }

    fn touch(&self, pages: usize) {
        (0..pages).for_each(|page| self.write(page * PAGE, &[0]));
    }

    /// Shared pages of a new file in memory that is `pages` long, of which `mapped` are mapped.
    pub(crate) fn of_file(pages: usize, mapped: usize, protection: Protection) -> Self {
        // SAFETY: the name is a C string; a new descriptor is made.
        let file = unsafe { libc::memfd_create(c"conformance".as_ptr(), libc::MFD_CLOEXEC) };
        assert!(file >= 0, "no memory file: {}", Errno::last());
        // SAFETY: `file` was opened just above and is ours.
        let resized = unsafe { libc::ftruncate(file, (pages * PAGE) as libc::off_t) };
        assert!(resized == 0, "memory file: {}", Errno::last());
        let region = Self::map(mapped * PAGE, protection, libc::MAP_SHARED, file);
        // SAFETY: `file` was opened above and nothing else has it; the mapping keeps the memory.
        unsafe { libc::close(file) };
        region
    }

    /// Changes what the pages may be used for.
    pub(crate) fn protect(&self, protection: Protection) {
        // SAFETY: the range is this region's own; safe code reaches it only through `read` and `write` below.
        let done = unsafe { libc::mprotect(self.address as *mut _, self.length, protection.bits()) };
        assert!(done == 0, "mprotect: {}", Errno::last());
    }

    /// Takes one page away.
    fn punch(&mut self, page: usize) {
        assert!((page + 1) * PAGE <= self.length && self.hole.is_none());
        self.hole = Some(page);
        // SAFETY: the page is this region's own, and nothing refers to it but addresses given to the driver.
        let done = unsafe { libc::munmap((self.address + page * PAGE) as *mut _, PAGE) };
        assert!(done == 0, "munmap: {}", Errno::last());
    }

    /// Bytes of pages that are readable.
    pub(crate) fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        assert!(offset + length <= self.length);
        peek(self.address + offset, length)
    }

    /// Writes to pages that are writable.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.length);
        poke(self.address + offset, bytes);
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let behind = self.hole.map_or(self.length, |page| (page + 1) * PAGE);
        let before = self.hole.map_or(self.length, |page| page * PAGE);
        for (start, length) in [(0, before), (behind, self.length - behind)] {
            if length > 0 {
                // SAFETY: these pages were mapped by `map` and not given up since; nothing but addresses that the driver
                // was given refers to them.
                unsafe { libc::munmap((self.address + start) as *mut _, length) };
            }
        }
    }
}

pub(crate) fn peek(address: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    // SAFETY: the caller's range is mapped and readable (a `Region`, or memory of the driver that was mapped and not
    // yet unmapped); a fault would end this program and harm nothing else. A device may write it at the same time,
    // which no reference observes since the bytes are copied.
    unsafe { std::ptr::copy_nonoverlapping(address as *const u8, bytes.as_mut_ptr(), length) };
    bytes
}

pub(crate) fn poke(address: usize, bytes: &[u8]) {
    // SAFETY: as `peek`; the memory is not part of any Rust object.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
}

/// The page of this program's own code.
pub(crate) fn code_page() -> usize {
    code_page as fn() -> usize as usize & !(PAGE - 1)
}

/// The signals of the cases, each with its own handler flags.
const INTERRUPTING: i32 = libc::SIGALRM;
const RESTARTING: i32 = libc::SIGUSR2;

extern "C" fn ignore(_signal: i32) {}

fn install_handlers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (signal, flags) in [(INTERRUPTING, 0), (RESTARTING, libc::SA_RESTART)] {
            // SAFETY: an all-zero sigaction is valid, and the handler does nothing, which is safe in a signal.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = ignore as extern "C" fn(i32) as usize;
                action.sa_flags = flags;
                libc::sigaction(signal, &action, std::ptr::null_mut());
            }
        }
    });
}

/// Runs a call of this thread; another thread sends the signal. One that interrupts is repeated until the call has
/// ended, so that a late start of the call does not lose it.
pub(crate) fn signalled(signal: Signal, call: &mut dyn FnMut() -> Answer) -> Answer {
    install_handlers();
    // SAFETY: asks for this thread's own id.
    let target = unsafe { libc::pthread_self() };
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut pause = signal.after;
            loop {
                std::thread::park_timeout(pause);
                if over.load(Ordering::Acquire) {
                    return;
                }
                let number = if signal.restart { RESTARTING } else { INTERRUPTING };
                // SAFETY: the target thread waits for this one before it ends, so its id is valid.
                unsafe { libc::pthread_kill(target, number) };
                pause = if signal.restart { Duration::from_secs(3600) } else { Duration::from_millis(100) };
            }
        });
        let answer = call();
        over.store(true, Ordering::Release);
        sender.thread().unpark();
        answer
    })
}

/// The calls of this process on a device node.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    node: PathBuf,
}

impl Kernel {
    pub(crate) fn new(node: &Path) -> Self {
        install_handlers();
        Self { node: node.to_owned() }
    }
}

impl System for Kernel {
    fn open(&self, access: Access) -> Result<Descriptor, i32> {
        let path = CString::new(self.node.as_os_str().as_encoded_bytes()).map_err(|_| libc::EINVAL)?;
        let flags = match access {
            Access::ReadWrite => libc::O_RDWR,
            Access::ReadOnly => libc::O_RDONLY,
            Access::NonBlocking => libc::O_RDWR | libc::O_NONBLOCK,
        };
        // SAFETY: the path is a C string.
        answer(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) }).map(|file| file as Descriptor)
    }

    fn close(&self, file: Descriptor) -> Answer {
        // SAFETY: the cases close only descriptors that they were given here.
        answer(unsafe { libc::close(file) })
    }

    fn dup(&self, file: Descriptor) -> Result<Descriptor, i32> {
        // SAFETY: duplicating touches no memory.
        answer(unsafe { libc::dup(file) }).map(|file| file as Descriptor)
    }

    fn ioctl(&self, file: Descriptor, request: u32, argument: usize) -> Answer {
        // SAFETY: the kernel checks the argument's address. What the driver writes there, or later by DMA to an address
        // inside it, is memory that the cases own for that purpose: an `Argument`'s bytes, borrowed mutably for the
        // call, or a `Region`, never a Rust object.
        answer(unsafe { libc::ioctl(file, request as _, argument) })
    }

    fn mmap(&self, file: Descriptor, length: usize, shared: bool, offset: u64) -> Result<usize, i32> {
        let flags = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
        let protection = Protection::ReadWrite.bits();
        // By the system call itself: the C library refuses an unaligned offset on its own, and so would this one.
        // SAFETY: a new mapping at an address of the kernel's choice; no existing memory is touched.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, file, offset as libc::off_t) };
        if start == libc::MAP_FAILED { Err(Errno::last_raw()) } else { Ok(start as usize) }
    }

    fn munmap(&self, address: usize, length: usize) {
        // SAFETY: the range came from `mmap` above, and only addresses of it were kept.
        unsafe { libc::munmap(address as *mut _, length) };
    }

    fn peek(&self, address: usize, length: usize) -> Vec<u8> {
        peek(address, length)
    }

    fn poke(&self, address: usize, bytes: &[u8]) {
        poke(address, bytes);
    }

    fn read(&self, file: Descriptor, length: usize) -> Answer {
        let mut bytes = vec![0_u8; length];
        // SAFETY: the buffer is `length` bytes long.
        answer(unsafe { libc::read(file, bytes.as_mut_ptr().cast(), length) } as i64)
    }

    fn write(&self, file: Descriptor, length: usize) -> Answer {
        let bytes = vec![0_u8; length];
        // SAFETY: the buffer is `length` bytes long.
        answer(unsafe { libc::write(file, bytes.as_ptr().cast(), length) } as i64)
    }

    fn seek(&self, file: Descriptor, offset: i64) -> Answer {
        // SAFETY: moves a file position; no memory is touched.
        answer(unsafe { libc::lseek(file, offset, libc::SEEK_SET) })
    }

    fn mode(&self, _file: Descriptor) -> Answer {
        let status = std::fs::metadata(&self.node).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        Ok(i64::from(status.mode() & 0o7777))
    }

    fn signalled(&self, signal: Signal, call: &mut dyn FnMut() -> Answer) -> Answer {
        signalled(signal, call)
    }

    fn in_child(&self, calls: &dyn Fn(&dyn System) -> Vec<Answer>) -> Vec<Answer> {
        self.fork(calls).unwrap_or_default()
    }

    fn survive(&self, call: &dyn Fn() -> Answer) -> Fate {
        // The kernel kills the task that crashed in it: a child, so that this program can tell.
        match self.fork(&|_| vec![call()]) {
            Some(answers) if answers.len() == 1 => Fate::Answered(answers[0]),
            _ => Fate::Oops,
        }
    }

    fn share(&self) -> Arc<dyn System> {
        Arc::new(self.clone())
    }

    fn attribute(&self, path: &str) -> Option<(String, u32)> {
        attribute(Path::new(path))
    }

    fn dmabuf(&self, size: usize) -> Option<Descriptor> {
        udmabuf(size)
    }

    fn events(&self) -> Option<&dyn Events> {
        Some(self)
    }
}

impl Events for Kernel {
    fn suspend_and_resume(&self) {
        // The test mode suspends and resumes all devices and leaves the machine running. Without permission nothing
        // happens, and the cases after it fail.
        let _ = std::fs::write("/sys/power/pm_test", "devices");
        let _ = std::fs::write("/sys/power/state", "mem");
        let _ = std::fs::write("/sys/power/pm_test", "none");
    }

    fn remove(&self) {
        if let Some(device) = self.pci_device() {
            let _ = std::fs::write(device.join("remove"), "1");
        }
    }

    fn unload_driver(&self) -> Answer {
        let name = CString::new(self.module()).map_err(|_| libc::EINVAL)?;
        // SAFETY: the name is a C string; the kernel refuses if the module is in use.
        answer(unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) })
    }

    fn restore(&self) {
        // Nothing can be done here if they fail; the next script then says that it cannot open the node.
        let _ = std::fs::write("/sys/bus/pci/rescan", "1");
        let _ = std::process::Command::new("modprobe").arg(self.module()).status();
    }
}

impl Kernel {
    /// The board in sysfs.
    fn pci_device(&self) -> Option<PathBuf> {
        let number = std::fs::metadata(&self.node).ok()?.rdev();
        let class = PathBuf::from(format!("/sys/dev/char/{}:{}", libc::major(number), libc::minor(number)));
        let link = class.join("device");
        if link.exists() {
            return std::fs::canonicalize(link).ok();
        }
        // The class device of some releases hangs in the air, and names its board in an attribute.
        let location = std::fs::read_to_string(class.join("board_location")).ok()?;
        Some(Path::new("/sys/bus/pci/devices").join(location.trim()))
    }

    /// The name of the driver's module.
    fn module(&self) -> &'static str {
        if Path::new("/sys/module/hailo1x_pci").exists() { "hailo1x_pci" } else { "hailo_pci" }
    }

    /// Runs calls in a child; nothing if it did not live to tell.
    fn fork(&self, calls: &dyn Fn(&dyn System) -> Vec<Answer>) -> Option<Vec<Answer>> {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors.
        answer(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }).ok()?;
        // SAFETY: the child makes system calls, allocates a little (the C library's allocator is usable after fork)
        // and leaves with `_exit`; it takes no lock that another thread could hold.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let bytes: Vec<u8> = calls(self)
                .into_iter()
                .flat_map(|answer| answer.unwrap_or_else(|errno| -i64::from(errno)).to_le_bytes())
                .collect();
            // SAFETY: the buffer is as long as said; `_exit` runs no destructor of the parent's objects.
            unsafe {
                libc::write(ends[1], bytes.as_ptr().cast(), bytes.len());
                libc::_exit(0);
            }
        }
        // SAFETY: this end was opened above, and only the child writes to its copy.
        unsafe { libc::close(ends[1]) };
        let mut bytes = [0_u8; 256];
        // SAFETY: the buffer is as long as said, and the descriptor was opened above.
        let length = unsafe {
            let length = libc::read(ends[0], bytes.as_mut_ptr().cast(), bytes.len());
            libc::close(ends[0]);
            libc::waitpid(child, std::ptr::null_mut(), 0);
            length
        };
        let values = bytes.get(..usize::try_from(length).ok()?)?.chunks_exact(8);
        let answers = values.map(|value| i64::from_le_bytes(value.try_into().unwrap_or_default()));
        Some(answers.map(|value| if value < 0 { Err(-value as i32) } else { Ok(value) }).collect())
    }
}

/// A dmabuf of pages of this process, if the kernel has the driver for that and we may use it.
fn udmabuf(size: usize) -> Option<Descriptor> {
    /// `UDMABUF_CREATE`: a memory file, flags, offset and size.
    const CREATE: libc::c_ulong = 0x4018_7542;
    let device = std::fs::OpenOptions::new().read(true).write(true).open("/dev/udmabuf").ok()?;
    // SAFETY: the name is a C string; a new descriptor is made.
    let file = unsafe { libc::memfd_create(c"conformance".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if file < 0 {
        return None;
    }
    let mut request = [0_u8; 24];
    request[..4].copy_from_slice(&file.to_ne_bytes());
    request[16..].copy_from_slice(&(size as u64).to_ne_bytes());
    // SAFETY: `file` was opened just above and is ours; the argument is as large as the request's struct.
    let buffer = unsafe {
        libc::ftruncate(file, size as libc::off_t);
        libc::fcntl(file, libc::F_ADD_SEALS, libc::F_SEAL_SHRINK);
        let buffer = libc::ioctl(device.as_raw_fd(), CREATE as _, request.as_mut_ptr());
        libc::close(file);
        buffer
    };
    (buffer >= 0).then_some(buffer)
}

/// A file's text and permission bits; a symbolic link's target.
fn attribute(path: &Path) -> Option<(String, u32)> {
    let status = std::fs::symlink_metadata(path).ok()?;
    if status.is_symlink() {
        return Some((std::fs::read_link(path).ok()?.to_string_lossy().into_owned(), 0));
    }
    Some((std::fs::read_to_string(path).ok()?, status.permissions().mode() & 0o7777))
}

/// The machine that this program runs on.
#[derive(Debug)]
pub(crate) struct Bench {
    node: PathBuf,
}

impl Bench {
    pub(crate) fn new(node: &Path) -> Self {
        Self { node: node.to_owned() }
    }
}

impl Laboratory for Bench {
    fn boot(&self) -> Arc<dyn System> {
        Arc::new(Kernel::new(&self.node))
    }

    fn harmless(&self) -> bool {
        false
    }

    fn fresh(&self) -> bool {
        false
    }
}

/// Asks a node for its driver's release: the codes of the version query in turn.
pub(crate) fn ask_release(node: &Path) -> Result<Release, std::io::Error> {
    let system = Kernel::new(node);
    let file = system.open(Access::ReadWrite).map_err(std::io::Error::from_raw_os_error)?;
    let mut info = [0_u32; 3];
    let address = info.as_mut_ptr().expose_provenance();
    let mut answer = Err(libc::ENOTTY);
    for code in [0x400c_6702, 0x400c_6701, 0x400c_6705] {
        answer = system.ioctl(file, code, address);
        if answer != Err(libc::ENOTTY) {
            break;
        }
    }
    let _ = system.close(file);
    answer.map_err(std::io::Error::from_raw_os_error)?;
    Ok(Release::new(info[0], info[1], info[2]))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    fn kernel() -> Kernel {
        Kernel::new(Path::new("/dev/null"))
    }

    #[test]
    fn a_signal_interrupts_a_call_that_waits() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let call = || kernel().read(reader.as_raw_fd(), 1);
        assert_eq!(kernel().signalled(Signal::interrupting(20), &mut { call }), Err(libc::EINTR));
    }

    #[test]
    fn a_signal_restarts_a_call_that_waits() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let start = std::time::Instant::now();
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(120));
                writer.write_all(b"x").unwrap();
            });
            kernel().signalled(Signal::restarting(20), &mut || kernel().read(reader.as_raw_fd(), 1))
        });
        assert_eq!(answer, Ok(1));
        assert!(start.elapsed() >= Duration::from_millis(100));
    }

    #[test]
    fn a_child_answers_for_itself() {
        let null = kernel().open(Access::ReadWrite).unwrap();
        let answers = kernel().in_child(&|system| vec![Ok(7), system.ioctl(null, 0x4010_7a01, 0), Err(libc::EIO)]);
        assert_eq!(answers, [Ok(7), Err(libc::ENOTTY), Err(libc::EIO)]);
        assert_eq!(kernel().close(null), Ok(0));
    }

    #[test]
    fn a_child_that_the_kernel_kills_is_a_crash() {
        assert_eq!(kernel().survive(&|| Ok(3)), Fate::Answered(Ok(3)));
        // SAFETY: the child ends itself, as a crash in the kernel would end it.
        let fate = kernel().survive(&|| Ok(unsafe { libc::raise(libc::SIGKILL) }.into()));
        assert_eq!(fate, Fate::Oops);
    }

    #[test]
    fn pages_are_what_they_are_said_to_be() {
        let mut region = Region::new(3);
        region.write(PAGE, b"page");
        assert_eq!(region.read(PAGE, 4), b"page");
        region.punch(2);
        let file = Region::of_file(1, 1, Protection::Read);
        assert_eq!(file.read(0, 2), [0, 0]);
        // What is not mapped or not writable, the kernel says so too.
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"0123456789").unwrap();
        let into = |address: usize| {
            // SAFETY: the kernel checks the address, which is memory of this test or none.
            answer(unsafe { libc::read(reader.as_raw_fd(), address as *mut _, 1) } as i64)
        };
        assert_eq!(into(region.address), Ok(1));
        assert_eq!(into(region.address + 2 * PAGE), Err(libc::EFAULT));
        assert_eq!(into(file.address), Err(libc::EFAULT));
    }

    #[test]
    fn a_node_that_is_none_has_no_release() {
        assert_eq!(ask_release(Path::new("/dev/null")).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
    }
}
