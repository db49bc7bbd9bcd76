//! System call interception by seccomp user notification: the filter, the listener, and what can be done with a call.
//!
//! Everything unsafe of `hailo emulate` is here: raw system calls on structs of the kernel's interface, and what runs in
//! the child between `fork` and `exec`. See `seccomp_unotify(2)`.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};

use libc::{
    c_int, c_long, seccomp_data, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp, sock_filter, sock_fprog,
};

/// One system call of a supervised thread, which waits for the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Names this call until it is answered or its thread is interrupted.
    pub(super) id: u64,
    /// The thread.
    pub(super) thread: u32,
    /// The system call's number.
    pub(super) number: c_long,
    /// Its arguments.
    pub(super) arguments: [u64; 6],
}

/// Where the calls of supervised threads arrive.
pub(super) struct Listener(OwnedFd);

/// The system calls that are looked at, besides `mmap`. All others run at full speed.
const LOOKED_AT: &[c_long] = &[
    libc::SYS_ioctl,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_lseek,
    libc::SYS_delete_module,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
];

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;

/// The filter program. A call of another architecture (a 32-bit program) is let through, and so is never emulated.
fn filter() -> Vec<sock_filter> {
    let load = |offset: usize| sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset as u32,
    };
    let jump = |test: u32, k: u32, jt: usize, jf: usize| sock_filter {
        code: (libc::BPF_JMP | test | libc::BPF_K) as u16,
        jt: jt as u8,
        jf: jf as u8,
        k,
    };
    let answer = |k: u32| sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k };
    let argument = |index: usize| std::mem::offset_of!(seccomp_data, args) + 8 * index;

    // What follows the comparisons: 5 instructions for mmap, then allow and notify.
    let count = LOOKED_AT.len();
    let mut program = vec![
        load(std::mem::offset_of!(seccomp_data, arch)),
        jump(libc::BPF_JEQ, AUDIT_ARCH, 0, count + 6),
        load(std::mem::offset_of!(seccomp_data, nr)),
    ];
    for (index, number) in LOOKED_AT.iter().enumerate() {
        program.push(jump(libc::BPF_JEQ, *number as u32, count - index + 5, 0));
    }
    program.extend([
        jump(libc::BPF_JEQ, libc::SYS_mmap as u32, 0, 4),
        // An mmap matters if it has a file, or takes the place of other memory.
        load(argument(3)),
        jump(libc::BPF_JSET, libc::MAP_FIXED as u32, 3, 0),
        load(argument(4)),
        jump(libc::BPF_JEQ, u32::MAX, 0, 1),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_USER_NOTIF),
    ]);
    program
}

/// A program that runs under supervision.
pub(super) struct Launched {
    pub(super) process: u32,
    pub(super) listener: Listener,
    /// Has started it, or not, once the first calls are answered: that of the program itself is one of them.
    pub(super) starter: JoinHandle<io::Result<Child>>,
}

/// Starts `command` under supervision, with the signals blocked that `signals` has.
///
/// # Errors
/// What the system said when it was asked for the filter.
pub(super) fn launch(mut command: Command, signals: libc::sigset_t) -> io::Result<Launched> {
    let (ours, theirs) = UnixStream::pair()?;
    let program = filter();
    let socket = theirs.as_raw_fd();
    // SAFETY: the closure runs in the child between fork and exec. It only makes system calls (through libc functions that
    // are async-signal-safe), reads memory that was allocated before, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const signals, std::ptr::null_mut());
            let listener = install(&program)?;
            send_fd(socket, listener, std::process::id())?;
            libc::close(listener);
            Ok(())
        });
    }
    let starter = thread::spawn(move || {
        let child = command.spawn();
        drop(theirs);
        child
    });
    match receive_fd(&ours) {
        Ok((listener, process)) => Ok(Launched { process, listener: Listener(listener), starter }),
        Err(error) => Err(match starter.join() {
            Ok(Err(refused)) => refused,
            _ => error,
        }),
    }
}

/// Gives the calling thread the filter and returns the listener.
fn install(program: &[sock_filter]) -> io::Result<RawFd> {
    let program = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: PR_SET_NO_NEW_PRIVS takes no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
    // SAFETY: the program is a valid array of `len` instructions, which the kernel copies.
    let listener = check(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    })?;
    Ok(listener as RawFd)
}

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Room for the control message with one descriptor.
#[repr(C, align(8))]
struct Control([u8; 32]);

/// Sends a descriptor and a number. Async-signal-safe.
fn send_fd(socket: RawFd, fd: RawFd, number: u32) -> io::Result<()> {
    let mut bytes = number.to_ne_bytes();
    let mut data = libc::iovec { iov_base: (&raw mut bytes).cast::<c_void>(), iov_len: bytes.len() };
    let mut control = Control([0; 32]);
    // SAFETY: an all-zero msghdr is a valid one without any buffer.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut data;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE only computes. The control buffer is aligned and holds one header and one descriptor (24 bytes
    // on 64-bit), so that the first header exists and its data may be written.
    unsafe {
        message.msg_controllen = libc::CMSG_SPACE(size_of::<c_int>() as u32) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<c_int>() as u32) as _;
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(fd);
    }
    // SAFETY: the message points to buffers that live until the call returns.
    check(unsafe { libc::sendmsg(socket, &raw const message, 0) } as c_long)?;
    Ok(())
}

/// Receives what [`send_fd`] sent.
fn receive_fd(socket: &UnixStream) -> io::Result<(OwnedFd, u32)> {
    let mut bytes = [0u8; 4];
    let mut data = libc::iovec { iov_base: (&raw mut bytes).cast::<c_void>(), iov_len: bytes.len() };
    let mut control = Control([0; 32]);
    // SAFETY: an all-zero msghdr is a valid one without any buffer.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut data;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the message points to buffers that live until the call returns.
    check(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) } as c_long)?;
    // SAFETY: the kernel filled in the control buffer and its length; CMSG_FIRSTHDR is null if there is no header. A header
    // of type SCM_RIGHTS carries at least one descriptor, which now belongs to this process alone.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::other("the program ended before it was under supervision"));
        }
        let listener = OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<c_int>().read_unaligned());
        Ok((listener, u32::from_ne_bytes(bytes)))
    }
}

const fn request(direction: u32, number: u32, size: usize) -> u32 {
    direction << 30 | (size as u32) << 16 | (b'!' as u32) << 8 | number
}

const NOTIF_RECV: u32 = request(3, 0, size_of::<seccomp_notif>());
const NOTIF_SEND: u32 = request(3, 1, size_of::<seccomp_notif_resp>());
const NOTIF_ID_VALID: u32 = request(1, 2, size_of::<u64>());
const NOTIF_ADDFD: u32 = request(1, 3, size_of::<seccomp_notif_addfd>());

impl Listener {
    fn control<T>(&self, request: u32, argument: &mut T) -> io::Result<c_long> {
        // SAFETY: the four requests of a listener take a pointer to exactly the struct that `T` is in each call below.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, std::ptr::from_mut(argument)) }.into())
    }

    /// Whether the kernel can do all that is asked of it here.
    pub(super) fn is_complete(&self) -> bool {
        let srcfd = self.0.as_raw_fd() as u32;
        let flags = libc::SECCOMP_ADDFD_FLAG_SEND as u32;
        let mut request = seccomp_notif_addfd { id: 0, flags, srcfd, newfd: 0, newfd_flags: 0 };
        // There is no such call; a kernel that does not know the flag says something else.
        let answer = self.control(NOTIF_ADDFD, &mut request).map_err(|error| error.raw_os_error());
        answer == Err(Some(libc::ENOENT))
    }

    /// Waits for the next call. `None` when no supervised thread is left.
    pub(super) fn receive(&self) -> io::Result<Option<Call>> {
        loop {
            let mut ready = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid pollfd.
            match check(unsafe { libc::poll(&raw mut ready, 1, -1) }.into()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            if ready.revents & libc::POLLIN == 0 {
                return Ok(None);
            }
            // SAFETY: the kernel demands an all-zero struct.
            let mut notification: seccomp_notif = unsafe { std::mem::zeroed() };
            match self.control(NOTIF_RECV, &mut notification) {
                Ok(_) => {
                    return Ok(Some(Call {
                        id: notification.id,
                        thread: notification.pid,
                        number: notification.data.nr.into(),
                        arguments: notification.data.args,
                    }));
                }
                // The thread was killed or interrupted before the call was received.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the thread still waits for the answer: it does not if a signal interrupted it.
    pub(super) fn is_waiting(&self, id: u64) -> bool {
        let mut id = id;
        self.control(NOTIF_ID_VALID, &mut id).is_ok()
    }

    fn send(&self, id: u64, value: i64, error: i32, flags: u32) {
        let mut response = seccomp_notif_resp { id, val: value, error, flags };
        // It fails only if the thread is not waiting any more, and then there is nobody to tell.
        let _ = self.control(NOTIF_SEND, &mut response);
    }

    /// Lets the kernel carry the call out as if nobody had looked.
    pub(super) fn let_through(&self, id: u64) {
        self.send(id, 0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32);
    }

    /// Answers the call: with its return value or the error number that the program sees.
    pub(super) fn answer(&self, id: u64, result: Result<i64, i32>) {
        match result {
            Ok(value) => self.send(id, value, 0, 0),
            Err(errno) => self.send(id, 0, -errno, 0),
        }
    }

    /// Gives the caller a copy of `fd` as a new descriptor, which is the call's return value; or the error for which it cannot
    /// have one.
    pub(super) fn answer_with_fd(&self, id: u64, fd: BorrowedFd<'_>, close_on_exec: bool) -> Result<(), i32> {
        let mut request = seccomp_notif_addfd {
            id,
            flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
            srcfd: fd.as_raw_fd() as u32,
            newfd: 0,
            newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
        };
        self.control(NOTIF_ADDFD, &mut request).map(drop).map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(libc::EMFILE);
            self.answer(id, Err(errno));
            errno
        })
    }

    /// Puts a copy of `fd` in the place of the caller's descriptor `target`. The call still waits for its answer.
    pub(super) fn replace_fd(&self, id: u64, fd: BorrowedFd<'_>, target: i32, close_on_exec: bool) -> io::Result<()> {
        let mut request = seccomp_notif_addfd {
            id,
            flags: libc::SECCOMP_ADDFD_FLAG_SETFD as u32,
            srcfd: fd.as_raw_fd() as u32,
            newfd: target as u32,
            newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
        };
        self.control(NOTIF_ADDFD, &mut request).map(drop)
    }
}
