//! Model files (HEF): reading and checking them.
//!
//! A model file is a [container](Container) with a header, a protobuf message that describes networks and what the
//! device has to do for them, and configuration words, which are handed out as ranges of the file and never copied on
//! loading. [`Hef::open`] reads a file once, checks every length against the file and the checksum over all of it, and
//! turns the message into plain types: [`Group`]s of [`Context`]s with [`Layer`]s and [`Operation`]s. Whatever is not
//! understood there is refused by name; nothing is skipped that a device would have to do.
//!
//! What a device is sent for a model is the business of [`crate::network`].
//!
//! ```no_run
//! # fn main() -> Result<(), hailo_linux::hef::Error> {
//! let hef = hailo_linux::hef::Hef::open("arcface.hef")?;
//! for group in hef.groups() {
//!     println!("{} for {}", group.name, hef.architecture());
//! }
//! # Ok(())
//! # }
//! ```

mod action;
mod container;
mod description;
mod error;
mod features;
mod group;
mod layer;
mod layer_reader;
mod nms;
pub mod proto;
pub mod proto_layers;

use std::path::Path;

use prost::Message;
use prost::bytes::Bytes;

pub use action::{Action, Lcu, Operation, Sequencer, Trigger, Words, WriteDataType};
pub use container::{Checksum, Container};
pub use description::{Description, GroupDescription, QuantizationDescription, StreamDescription};
pub(crate) use error::Within;
pub use error::{Error, LibraryStatus, Refusal};
pub use features::{Architecture, Features};
pub(crate) use group::is_pair;
pub use group::{Context, CoreOp, Group};
pub use layer::{Connection, Layer, Mux, MuxPart, Planes, PlanesFormat, Tensor};
pub use nms::{Nms, NmsMode};

/// A model file, read and checked.
#[derive(Clone, Debug)]
#[doc(alias = "hailo_hef")]
pub struct Hef {
    container: Container,
    architecture: Architecture,
    features: Features,
    compiler: String,
    compiled_at: u64,
    groups: Vec<Group>,
}

impl Hef {
    /// Reads the file at `path`, once, and checks it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no model file, is truncated or damaged, or describes something that is not supported.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let (container, file) = Container::read(path.as_ref())?;
        Self::decode(container, &file)
    }

    /// Checks a model file that is in memory.
    ///
    /// # Errors
    ///
    /// Like [`open`](Self::open).
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Result<Self, Error> {
        let file = bytes.into();
        Self::decode(Container::of_bytes(&file)?, &file)
    }

    fn decode(container: Container, file: &Bytes) -> Result<Self, Error> {
        let mut message = proto::Hef::decode(file.slice(container.protobuf.clone()))?;
        let features = Features::of(&message, container.version)?;
        let architecture = features::architecture(&message);
        let groups = group::GroupReader {
            features: &features,
            architecture,
            around: action::Surroundings { file, container: &container, multi_network: features.multi_network },
        }
        .groups(&message)?;
        let header = message.header.take().unwrap_or_default();
        Ok(Self {
            container,
            architecture,
            features,
            compiler: header.sdk_version,
            compiled_at: header.timestamp,
            groups,
        })
    }

    /// The container: version, length, checksum.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The kind of device that it was compiled for.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The features that it declares.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The compiler's release, in its own words.
    #[must_use]
    pub fn compiler(&self) -> &str {
        &self.compiler
    }

    /// When it was compiled, in milliseconds since 1970; 0 if the file does not say.
    #[must_use]
    pub fn compiled_at(&self) -> u64 {
        self.compiled_at
    }

    /// Its network groups, in the order of the file; at least one.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The group called `name`; without a name the last one, which is the vendor's default as well.
    #[must_use]
    pub fn group(&self, name: Option<&str>) -> Option<&Group> {
        match name {
            Some(name) => self.groups.iter().find(|group| group.name == name),
            None => self.groups.last(),
        }
    }
}
