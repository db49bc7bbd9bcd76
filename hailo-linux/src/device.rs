//! [`Device`]: an opened accelerator, and everything that is made from it.
//!
//! Everything holds on to the device, so that it is closed when the last of its buffers, lists and channels is gone, in
//! whatever order a program drops them.

use std::fmt;
use std::sync::{Arc, PoisonError};

use hailo_abi::command::DeviceProperties;
use hailo_abi::driver::{Driver, DriverError, query_release};
use hailo_abi::enums::AllocationMode;
use hailo_abi::{ChannelBitmaps, DriverRelease, Errno, Interface, Transport};

use crate::control::Controls;
use crate::error::{Error, ErrorKind, Invalid, Result};
use crate::memory::{Memory, PageMemory};
#[cfg(feature = "recording")]
use crate::recording::{Recorder, RecordingTransport};
use crate::sync::{Mutex, MutexGuard};
use crate::transport::DeviceFile;

pub(crate) mod buffer;
pub(crate) mod channel;
pub(crate) mod channels;
pub(crate) mod kept;
pub(crate) mod list;
mod queue;
pub(crate) mod ring;
mod rules;
pub(crate) mod shared;
pub(crate) mod transfer;

use buffer::{ContinuousBuffer, Direction, DmaBuffer};
use channels::Channels;
use kept::KeptUntilClosed;
use list::DescriptorList;
use rules::Rules;

const QUERY_PROPERTIES: &str = "ask the driver for the properties of the device";

/// How a device is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its buffers come from.
    pub memory: Arc<dyn Memory>,
    /// The release to speak, whatever the driver says that it is. Without it, a driver of an unknown release is refused.
    pub assume_release: Option<DriverRelease>,
    /// What errors call the device.
    pub name: String,
    /// Where every call is written down, to be [played](crate::recording::play) again (feature `recording`).
    #[cfg(feature = "recording")]
    pub recorder: Option<Recorder>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: Arc::new(PageMemory),
            assume_release: None,
            name: "device".to_owned(),
            #[cfg(feature = "recording")]
            recorder: None,
        }
    }
}

impl Options {
    /// The layers that are put around each file of the device.
    pub(crate) fn take_layers(&mut self) -> Layers {
        Layers {
            #[cfg(feature = "recording")]
            recorder: self.recorder.take(),
        }
    }
}

/// What is put around each file of a device.
pub(crate) struct Layers {
    #[cfg(feature = "recording")]
    recorder: Option<Recorder>,
}

impl Layers {
    /// The file `path` that was just opened, with the layers around it.
    pub(crate) fn around(&self, transport: Arc<dyn Transport>, path: &str) -> Arc<dyn Transport> {
        #[cfg(feature = "recording")]
        if let Some(recorder) = &self.recorder {
            return Arc::new(RecordingTransport::new(transport, path, recorder.clone()));
        }
        let _ = path;
        transport
    }
}

/// An opened accelerator. Cloning gives another reference to the same open file.
#[derive(Clone)]
pub struct Device {
    pub(crate) inner: Arc<Inner>,
}

/// Opens the same device once more.
type Reopen = dyn Fn() -> Result<Arc<dyn Transport>> + Send + Sync;

/// What everything that is made from a device holds on to.
///
/// The fields are dropped in this order: the file is closed, upon which the driver stops the hardware if need be, before
/// memory that the hardware may have used is freed.
pub(crate) struct Inner {
    pub(crate) driver: Driver<Arc<dyn Transport>>,
    kept: Mutex<KeptUntilClosed>,
    name: Box<str>,
    pub(crate) release: DriverRelease,
    pub(crate) properties: DeviceProperties,
    pub(crate) rules: Rules,
    memory: Arc<dyn Memory>,
    reopen: Option<Box<Reopen>>,
    in_use: Mutex<bool>,
    /// Channels that this file enabled.
    taken: Mutex<ChannelBitmaps>,
    /// Held while the firmware is told to start or stop channels, so that what is noted is what was done last.
    hardware: Mutex<()>,
    pub(crate) controls: Mutex<Controls>,
    pub(crate) notifications: Mutex<bool>,
    /// Which networks the firmware was given.
    pub(crate) networks: Mutex<crate::network::Networks>,
    /// Held while a network is given to the firmware, which knows networks by their order.
    pub(crate) configuring: Mutex<()>,
}

impl Device {
    /// Opens a device by its name: the path of a node such as `/dev/hailo0`, or, with the feature `emulator`, `mock` or
    /// `mock:driver=4.20.0,…` for an emulated one.
    ///
    /// # Errors
    /// Why it cannot be opened, or its driver not be spoken to, and what to do about it.
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Options::default())
    }

    /// As [`open`](Self::open), with options. The name is given by `name`, and an emulated device brings its own memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(name: &str, mut options: Options) -> Result<Self> {
        name.clone_into(&mut options.name);
        #[cfg(feature = "emulator")]
        if crate::emulator::is_emulated(name) {
            return crate::emulator::open(options);
        }
        let path = name.to_owned();
        let open = move || -> Result<Arc<dyn Transport>> {
            // SAFETY: the file is used by this crate's types alone, which pass on every frame as it was made.
            Ok(Arc::new(unsafe { DeviceFile::open(&path) }?))
        };
        Self::with_transports(open, options)
    }

    /// The device behind any transport: an emulator, perhaps with layers around it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_transport(transport: Arc<dyn Transport>, mut options: Options) -> Result<Self> {
        let layers = options.take_layers();
        Self::start(layers.around(transport, &options.name), options, None)
    }

    /// As [`with_transport`](Self::with_transport); `reopen` opens the same device once more, for
    /// [notifications](Self::notifications), which take a file of their own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_transports(
        reopen: impl Fn() -> Result<Arc<dyn Transport>> + Send + Sync + 'static,
        mut options: Options,
    ) -> Result<Self> {
        let (layers, name) = (options.take_layers(), options.name.clone());
        let reopen = move || Ok(layers.around(reopen()?, &name));
        Self::start(reopen()?, options, Some(Box::new(reopen)))
    }

    fn start(transport: Arc<dyn Transport>, options: Options, reopen: Option<Box<Reopen>>) -> Result<Self> {
        let Options { memory, assume_release, name, .. } = options;
        let failed = |operation| {
            let name = &name;
            move |error| call_failed(name, operation, error)
        };
        let release = query_release(&transport).map_err(failed("ask the driver for its release"))?;
        let spoken = assume_release.unwrap_or(release);
        let driver = Driver::with_release(transport, spoken).map_err(failed("speak to the driver"))?;
        let properties = driver.query_device_properties().map_err(failed(QUERY_PROPERTIES))?;
        let inner = Inner {
            rules: Rules::of(driver.interface()),
            driver,
            kept: Mutex::default(),
            release,
            properties,
            memory,
            reopen,
            in_use: Mutex::new(false),
            taken: Mutex::default(),
            hardware: Mutex::new(()),
            controls: Mutex::new(Controls::new()),
            notifications: Mutex::new(false),
            networks: Mutex::default(),
            configuring: Mutex::new(()),
            name: name.into(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the device was called when it was opened.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The release of the driver, as it says itself.
    #[must_use]
    pub fn release(&self) -> DriverRelease {
        self.inner.release
    }

    /// The interface that is spoken with the driver.
    #[must_use]
    pub fn interface(&self) -> &'static Interface {
        self.inner.driver.interface()
    }

    /// What the driver knew of the board when the device was opened.
    #[must_use]
    pub fn properties(&self) -> &DeviceProperties {
        &self.inner.properties
    }

    /// Asks the driver for the properties of the board again: whether firmware is running can change.
    ///
    /// # Errors
    /// What the driver answered.
    #[doc(alias = "HAILO_QUERY_DEVICE_PROPERTIES")]
    pub fn query_properties(&self) -> Result<DeviceProperties> {
        let failed = |error| self.inner.call_failed(QUERY_PROPERTIES, error);
        self.inner.driver.query_device_properties().map_err(failed)
    }

    /// The typed calls below this device. Those that can do harm are `unsafe`.
    #[must_use]
    pub fn driver(&self) -> &Driver<Arc<dyn Transport>> {
        &self.inner.driver
    }

    /// Takes the device for this process. Enabling channels does so by itself. It is given back when the device is closed.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] if another process has it.
    #[doc(alias = "HAILO_MARK_AS_IN_USE")]
    pub fn mark_in_use(&self) -> Result<()> {
        self.inner.mark_in_use()
    }

    /// Allocates `length` bytes (1 to almost 4 GiB) of zeroed memory that the device may use, in memory of the driver
    /// where the driver says that it must be so (up to 5.0.0).
    ///
    /// # Errors
    /// [`Invalid::BufferLength`], [`ErrorKind::NoMemory`], what the driver answered.
    #[doc(alias = "HAILO_VDMA_BUFFER_MAP")]
    pub fn allocate(&self, length: usize, direction: Direction) -> Result<DmaBuffer> {
        if self.inner.properties.allocation_mode == AllocationMode::DRIVER {
            return self.inner.allocate_low_memory(length, direction);
        }
        self.inner.allocate(length, direction)
    }

    /// Allocates a buffer below 4 GiB in memory of the driver (up to 5.0.0).
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate), and what the interface cannot express.
    #[doc(alias = "HAILO_VDMA_LOW_MEMORY_BUFFER_ALLOC")]
    pub fn allocate_low_memory(&self, length: usize, direction: Direction) -> Result<DmaBuffer> {
        self.inner.allocate_low_memory(length, direction)
    }

    /// Allocates a buffer in one physical piece, which the device can be told of by its address.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate); the driver often has no piece that is large enough.
    #[doc(alias = "HAILO_VDMA_CONTINUOUS_BUFFER_ALLOC")]
    pub fn allocate_continuous(&self, length: usize) -> Result<ContinuousBuffer> {
        self.inner.allocate_continuous(length)
    }

    /// Creates a descriptor list. `count` is 2 to 65536 and a power of two for a circular list, up to 262144 for another;
    /// `page_size` is a power of two from 64 to [`DeviceProperties::desc_max_page_size`] bytes.
    ///
    /// # Errors
    /// [`Invalid::DescriptorCount`], [`Invalid::PageSize`], [`Invalid::NotAPowerOfTwo`], what the driver answered.
    #[doc(alias = "HAILO_DESC_LIST_CREATE")]
    pub fn create_descriptor_list(&self, count: u32, page_size: u32, circular: bool) -> Result<DescriptorList> {
        self.inner.create_list(count, page_size, circular)
    }

    /// Enables channels, after taking the device for this process.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] if another process has the device or a channel; [`Invalid::NoChannel`],
    /// [`Invalid::ChannelTaken`], what the driver answered.
    #[doc(alias = "HAILO_VDMA_ENABLE_CHANNELS")]
    pub fn enable_channels(&self, channels: ChannelBitmaps) -> Result<Channels> {
        self.inner.enable_channels(channels, false)
    }

    /// As [`enable_channels`](Self::enable_channels), and keeps the times of interrupts for [`Channels::timestamps`] (up
    /// to 5.2.0).
    ///
    /// # Errors
    /// As [`enable_channels`](Self::enable_channels), and what the interface cannot express.
    pub fn enable_channels_with_timestamps(&self, channels: ChannelBitmaps) -> Result<Channels> {
        self.inner.enable_channels(channels, true)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("name", &self.name)
            .field("release", &self.release)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

fn call_failed(name: &str, operation: &'static str, error: DriverError) -> Error {
    let kind = match error {
        DriverError::Encode(error) => ErrorKind::Inexpressible(error),
        DriverError::Errno { errno, .. } => ErrorKind::of(errno),
        DriverError::NoVersionQuery | DriverError::WrongVersionQuery { .. } => ErrorKind::NotHailo,
        DriverError::UnknownRelease { found: release, nearest } => ErrorKind::UnknownRelease { release, nearest },
        _ => ErrorKind::BadAnswer("it is not that of the operation"),
    };
    Error::new(name, operation, kind)
}

impl Drop for Inner {
    fn drop(&mut self) {
        crate::network::forget_networks(self);
        // Somebody else may hold on to the transport, so that the file stays open: then what the hardware may still use
        // stays too. Otherwise the file is closed before `kept` is dropped.
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(self.driver.transport()) > 1 && !kept.is_empty() {
            std::mem::forget(std::mem::take(kept));
        }
    }
}

impl Inner {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn failed(&self, operation: &'static str, kind: ErrorKind) -> Error {
        Error::new(&self.name, operation, kind)
    }

    pub(crate) fn invalid(&self, operation: &'static str, invalid: Invalid) -> Error {
        self.failed(operation, ErrorKind::Invalid(invalid))
    }

    pub(crate) fn call_failed(&self, operation: &'static str, error: DriverError) -> Error {
        call_failed(&self.name, operation, error)
    }

    fn no_memory(&self, operation: &'static str, errno: Errno) -> Error {
        let kind = if errno == Errno::ENOMEM { ErrorKind::NoMemory } else { ErrorKind::of(errno) };
        self.failed(operation, kind)
    }

    fn mark_in_use(&self) -> Result<()> {
        let operation = "take the device";
        let mut mine = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if !*mine {
            let reply = self.driver.mark_as_in_use().map_err(|error| self.call_failed(operation, error))?;
            if reply.in_use {
                return Err(self.failed(operation, ErrorKind::InUse));
            }
            *mine = true;
        }
        Ok(())
    }

    /// Keeps every other thread from starting, stopping or disabling channels.
    pub(crate) fn lock_hardware(&self) -> MutexGuard<'_, ()> {
        self.hardware.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another open file of the same device, if the way to open one is known.
    pub(crate) fn reopen(&self) -> Option<Result<Arc<dyn Transport>>> {
        self.reopen.as_ref().map(|reopen| reopen())
    }
}
