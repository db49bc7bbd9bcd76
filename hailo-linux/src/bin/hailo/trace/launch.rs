//! Starting a program that is traced from its first instruction, with a filter that stops it only where there is
//! something to see.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use libc::{c_long, seccomp_data, sock_filter, sock_fprog};

use super::ptrace::{self, AUDIT_ARCH};

/// System calls at which a program is stopped, besides `ioctl` and `mmap`.
const LOOKED_AT: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_seccomp,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
];

/// The character in the codes of the requests by which `hailo emulate` answers system calls: there are very many of them.
const SECCOMP_GROUP: u32 = b'!' as u32;

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(test: u32, k: u32, jt: usize, jf: usize) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | test | libc::BPF_K) as u16, jt: jt as u8, jf: jf as u8, k }
}

/// The filter program: stop, or carry the call out at full speed.
fn filter() -> Vec<sock_filter> {
    let load = |offset: usize| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset as u32);
    let answer = |k: u32| statement(libc::BPF_RET | libc::BPF_K, k);
    let argument = |index: usize| std::mem::offset_of!(seccomp_data, args) + 8 * index;
    let alu = |operation: u32, k: u32| statement(libc::BPF_ALU | operation | libc::BPF_K, k);

    // What follows the comparisons: 5 instructions for ioctl, 3 for mmap, allow, trace.
    let count = LOOKED_AT.len();
    let mut program = vec![
        load(std::mem::offset_of!(seccomp_data, arch)),
        jump(libc::BPF_JEQ, AUDIT_ARCH, 0, count + 9),
        load(std::mem::offset_of!(seccomp_data, nr)),
    ];
    for (index, number) in LOOKED_AT.iter().enumerate() {
        program.push(jump(libc::BPF_JEQ, *number as u32, count - index + 8, 0));
    }
    program.extend([
        jump(libc::BPF_JEQ, libc::SYS_ioctl as u32, 0, 4),
        load(argument(1)),
        alu(libc::BPF_RSH, 8),
        alu(libc::BPF_AND, 0xff),
        jump(libc::BPF_JEQ, SECCOMP_GROUP, 3, 4),
        jump(libc::BPF_JEQ, libc::SYS_mmap as u32, 0, 2),
        // An mmap matters only if it has a file.
        load(argument(4)),
        jump(libc::BPF_JEQ, u32::MAX, 0, 1),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_TRACE),
    ]);
    program
}

/// Gives the calling thread the filter. True if the system allows that.
fn install(program: &[sock_filter]) -> bool {
    let program = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: PR_SET_NO_NEW_PRIVS takes no pointers; the program is a valid array of `len` instructions, which the kernel
    // copies.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) == 0
    }
}

/// A program that runs under the eyes of this thread.
pub(super) struct Launched {
    pub(super) process: u32,
    /// Whether it stops only where there is something to see.
    pub(super) filtered: bool,
}

/// Why a program does not run.
pub(super) enum LaunchError {
    /// It could not be started.
    Start(io::Error),
    /// It may not be traced.
    Trace(io::Error),
}

/// Starts `command`; the calling thread becomes its tracer.
pub(super) fn launch(mut command: Command) -> Result<Launched, LaunchError> {
    let (mut ours, theirs) = UnixStream::pair().map_err(LaunchError::Start)?;
    let program = filter();
    let socket = theirs.as_raw_fd();
    let parents = ours.as_raw_fd();
    // SAFETY: the closure runs in the child between fork and exec. It only makes system calls (through libc functions that
    // are async-signal-safe) with memory of its own, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            // Otherwise the end of the parent would not be seen.
            libc::close(parents);
            let filtered = install(&program);
            let [a, b, c, d] = std::process::id().to_ne_bytes();
            let message = [a, b, c, d, u8::from(filtered)];
            let mut go = 0u8;
            if libc::write(socket, message.as_ptr().cast(), message.len()) != message.len() as isize
                || libc::read(socket, (&raw mut go).cast(), 1) != 1
            {
                return Err(io::Error::from_raw_os_error(libc::EPERM));
            }
            Ok(())
        });
    }
    // The child waits for its tracer, and `spawn` for the child's exec: somebody else has to wait for that.
    let spawned = thread::spawn(move || {
        let child = command.spawn();
        drop(theirs);
        child.map(drop)
    });
    let mut message = [0; 5];
    let seized = match ours.read_exact(&mut message) {
        Ok(()) => {
            let [a, b, c, d, filtered] = message;
            let process = u32::from_ne_bytes([a, b, c, d]);
            let seized = ptrace::seize(process, true).and_then(|()| ours.write_all(&[1]));
            seized.map(|()| Launched { process, filtered: filtered != 0 })
        }
        Err(error) => Err(error),
    };
    drop(ours);
    let spawned = spawned.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts it has panicked")));
    match (spawned, seized) {
        (_, Err(error)) if error.raw_os_error().is_some() => Err(LaunchError::Trace(error)),
        (Err(error), _) | (_, Err(error)) => Err(LaunchError::Start(error)),
        (Ok(()), Ok(launched)) => Ok(launched),
    }
}
