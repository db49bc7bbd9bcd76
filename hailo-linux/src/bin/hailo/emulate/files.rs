//! Which descriptors of the supervised processes are open device files, and when the last one is closed.
//!
//! A program's descriptor of an emulated device is an epoll instance: like a device file of the driver it can be neither
//! read nor written, and is always ready. It is recognised, wherever `dup`, `fork` or a message took it, by what the
//! instance watches: one event whose data carry a number of ours (`/proc/PID/fdinfo/FD`). Nobody has to follow the
//! program's descriptors. The supervisor keeps no descriptor of it either, but watches it from an epoll instance of its
//! own: an entry disappears from there when the last descriptor in the system is closed, and not before.
//!
//! To map memory that the driver allocated, the descriptor is replaced by one of that memory (see [`Files::lend`]). It
//! still stands for the device file, recognised by the memory's mount and inode, and inotify tells when it is closed.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::{Mode, OFlags, fcntl_setfl, inotify};

use crate::calls::descriptor::{MARK, data, number};

/// The open device files of all supervised processes, each with what it stands for.
pub(super) struct Files<T> {
    /// Watches every device file that is open somewhere.
    open: OwnedFd,
    /// Always ready, so that device files are.
    ready: OwnedFd,
    /// Tells when descriptors of lent memory are closed.
    lent: OwnedFd,
    table: Mutex<Table<T>>,
}

struct Table<T> {
    last: u32,
    files: HashMap<u32, Entry<T>>,
    /// The device files that stand behind lent memory, by the memory's place and by its inotify watch.
    by_place: HashMap<Place, u32>,
    by_watch: HashMap<i32, u32>,
}

/// Where an open file is: its mount and its inode, which other files have in other mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    mount: u64,
    inode: u64,
}

impl Place {
    /// From the `fdinfo` of a descriptor.
    fn of(info: &str) -> Option<Self> {
        let number = |name: &str| info.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
        Some(Self { mount: number("mnt_id:")?, inode: number("ino:")? })
    }
}

struct Entry<T> {
    file: T,
    /// How many open descriptions of its memory there are.
    lent: usize,
}

impl<T: Clone> Files<T> {
    /// No file yet.
    ///
    /// # Errors
    /// What the system said about an epoll instance.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            open: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            ready: eventfd(1, EventfdFlags::CLOEXEC)?,
            lent: inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?,
            table: Mutex::new(Table {
                last: 0,
                files: HashMap::new(),
                by_place: HashMap::new(),
                by_watch: HashMap::new(),
            }),
        })
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A descriptor that stands for `file`, to be given to the program and dropped. Whether it was opened not to block, which
    /// drivers may ignore, shows in its flags.
    ///
    /// # Errors
    /// What the system said about an epoll instance.
    pub(super) fn insert(&self, file: T, nonblocking: bool) -> io::Result<OwnedFd> {
        let descriptor = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        if nonblocking {
            fcntl_setfl(&descriptor, OFlags::NONBLOCK)?;
        }
        let mut table = self.table();
        table.last = table.last.wrapping_add(1);
        let number = table.last;
        epoll::add(
            &descriptor,
            &self.ready,
            epoll::EventData::new_u64(MARK | u64::from(number)),
            epoll::EventFlags::IN,
        )?;
        epoll::add(&self.open, &descriptor, epoll::EventData::new_u64(number.into()), epoll::EventFlags::empty())?;
        table.files.insert(number, Entry { file, lent: 0 });
        Ok(descriptor)
    }

    /// Forgets a file whose descriptor the program could not be given: it was never open.
    pub(super) fn withdraw(&self, descriptor: &OwnedFd) -> Option<T> {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()?;
        let mut table = self.table();
        let number = table.number(&info)?;
        table.files.remove(&number).map(|entry| entry.file)
    }

    /// What a descriptor of a thread stands for, if it is an emulated device file.
    pub(super) fn find(&self, thread: u32, descriptor: i32) -> Option<T> {
        let info = fs::read_to_string(format!("/proc/{thread}/fdinfo/{descriptor}")).ok()?;
        let table = self.table();
        table.files.get(&table.number(&info)?).map(|entry| entry.file.clone())
    }

    /// A new descriptor of `memory`, to be put in the place of a thread's descriptor of a device file.
    ///
    /// # Errors
    /// What the system said; `EBADF` if there is no such device file.
    pub(super) fn lend(&self, thread: u32, descriptor: i32, memory: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let info = fs::read_to_string(format!("/proc/{thread}/fdinfo/{descriptor}"))?;
        let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
        let mut table = self.table();
        let number = table.number(&info).ok_or(rustix::io::Errno::BADF)?;
        let watch = inotify::add_watch(&self.lent, &path, inotify::WatchFlags::CLOSE)?;
        let lent = rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        table.by_watch.insert(watch, number);
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", lent.as_raw_fd()))?;
        let place = Place::of(&info).ok_or(rustix::io::Errno::NOSYS)?;
        table.by_place.insert(place, number);
        if let Some(entry) = table.files.get_mut(&number) {
            entry.lent += 1;
        }
        Ok(lent)
    }

    /// Whether some device file is open.
    pub(super) fn any(&self) -> bool {
        !self.table().files.is_empty()
    }

    /// Forgets the files whose last descriptor was closed, and returns them.
    pub(super) fn closed(&self) -> Vec<T> {
        let mut table = self.table();
        if table.files.is_empty() {
            return Vec::new();
        }
        if !table.by_watch.is_empty() {
            table.returned(&self.lent);
        }
        let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{}", self.open.as_raw_fd())) else {
            return Vec::new();
        };
        let open: Vec<u64> = data(&info).collect();
        let closed = |(number, entry): (&u32, &Entry<T>)| {
            (entry.lent == 0 && !open.contains(&u64::from(*number))).then_some(*number)
        };
        let closed: Vec<u32> = table.files.iter().filter_map(closed).collect();
        table.by_place.retain(|_, number| !closed.contains(number));
        table.by_watch.retain(|_, number| !closed.contains(number));
        closed.iter().filter_map(|number| table.files.remove(number)).map(|entry| entry.file).collect()
    }
}

impl<T> Table<T> {
    /// The number of the device file that a descriptor with this `fdinfo` stands for.
    fn number(&self, info: &str) -> Option<u32> {
        number(info).or_else(|| self.by_place.get(&Place::of(info)?).copied())
    }

    /// Counts the descriptions of lent memory that were closed.
    fn returned(&mut self, lent: &OwnedFd) {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(lent, &mut buffer);
        while let Ok(event) = events.next() {
            let entry = self.by_watch.get(&event.wd()).and_then(|number| self.files.get_mut(number));
            if let Some(entry) = entry.filter(|_| event.events().intersects(inotify::ReadFlags::CLOSE_WRITE)) {
                entry.lent = entry.lent.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::{AsRawFd, Files, fs};

    #[test]
    fn a_file_is_closed_with_its_last_descriptor() {
        let files = Files::new().expect("an epoll instance");
        let first = files.insert("first", false).expect("an epoll instance");
        let second = files.insert("second", false).expect("an epoll instance");
        let copy = first.try_clone().expect("a descriptor");
        let thread = std::process::id();
        assert_eq!(files.find(thread, first.as_raw_fd()), Some("first"));
        assert_eq!(files.find(thread, copy.as_raw_fd()), Some("first"), "a copy is the same file");
        assert_eq!(files.find(thread, 0), None, "standard input is no device");
        drop(first);
        assert_eq!(files.closed(), Vec::<&str>::new());
        drop(copy);
        assert_eq!(files.closed(), ["first"]);
        assert_eq!(files.closed(), Vec::<&str>::new());
        drop(second);
        assert_eq!(files.closed(), ["second"]);
    }

    #[test]
    fn lent_memory_keeps_its_file_open() {
        let files = Files::new().expect("an epoll instance");
        let file = files.insert("file", false).expect("an epoll instance");
        let memory = rustix::fs::memfd_create("memory", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
        let thread = std::process::id();
        let lent = files.lend(thread, file.as_raw_fd(), memory.as_fd()).expect("a descriptor");
        assert_eq!(files.find(thread, lent.as_raw_fd()), Some("file"), "it stands for the same file");
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", lent.as_raw_fd())).expect("a descriptor");
        assert!(files.table().number(&info).is_some());
        let elsewhere = info.replace("mnt_id:\t", "mnt_id:\t1");
        assert_ne!(elsewhere, info);
        assert_eq!(files.table().number(&elsewhere), None, "a file of another mount may have the same inode");
        drop(file);
        assert_eq!(files.closed(), Vec::<&str>::new());
        let copy = lent.try_clone().expect("a descriptor");
        drop(lent);
        assert_eq!(files.closed(), Vec::<&str>::new());
        drop(copy);
        assert_eq!(files.closed(), ["file"]);
    }

    #[test]
    fn device_files_answer_as_those_of_the_driver() {
        let files = Files::new().expect("an epoll instance");
        let file = files.insert((), true).expect("an epoll instance");
        assert_eq!(rustix::io::read(&file, &mut [0u8; 8]), Err(rustix::io::Errno::INVAL));
        assert_eq!(rustix::io::write(&file, &[0u8; 8]), Err(rustix::io::Errno::INVAL));
    }
}
