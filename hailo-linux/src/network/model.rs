//! [`Model`]: a model file and the network group of it that is meant.

use std::path::Path;

use super::boxes;
use super::error::{Error, Result};
use crate::hef::{CoreOp, Group, Hef, Layer, Refusal, Within};
use crate::transform::Direction;

/// A network that was loaded from a model file.
#[derive(Clone, Debug)]
pub struct Model {
    hef: Hef,
    group: usize,
}

impl Model {
    /// Loads the default network group of the file at `path`: the last one.
    ///
    /// # Errors
    /// [`Error::Model`] says what is wrong with the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::new(Hef::open(path)?, None)
    }

    /// A network group of a file that was read, by its name or the default one.
    ///
    /// # Errors
    /// [`Error::NoGroup`].
    pub fn new(hef: Hef, group: Option<&str>) -> Result<Self> {
        let position = match group {
            Some(name) => hef.groups().iter().position(|group| group.name == name),
            None => hef.groups().len().checked_sub(1),
        };
        match position {
            Some(group) => Ok(Self { hef, group }),
            None => Err(Error::NoGroup {
                wanted: group.unwrap_or_default().to_owned(),
                known: hef.groups().iter().map(|group| group.name.clone()).collect(),
            }),
        }
    }

    /// Whether the network can be run. One that cannot is [configured](crate::Device::configure) all the
    /// same, but not [activated](super::Configured::activate).
    ///
    /// # Errors
    /// What is not supported, by name: boxes of non-maximum suppression in forms that cannot be put together.
    pub fn can_run(&self) -> Result<(), Refusal> {
        let name = || format!("group `{}`", self.group().name);
        let layers =
            self.core_op().into_iter().flat_map(|core_op| &core_op.contexts).flat_map(|context| &context.layers);
        for layer in layers {
            if layer.is_boundary() {
                boxes::check(layer).within(name)?;
            }
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn hef(&self) -> &Hef {
        &self.hef
    }

    /// The network group.
    #[must_use]
    pub fn group(&self) -> &Group {
        // `new` took the position from this list.
        &self.hef.groups()[self.group]
    }

    /// The compiled network, for a device with all clusters.
    fn core_op(&self) -> Option<&CoreOp> {
        self.group().core_op(None)
    }

    /// The streams into the network, in the order in which a configured network has them.
    pub fn inputs(&self) -> impl Iterator<Item = &Layer> {
        self.core_op().into_iter().flat_map(|core_op| core_op.boundary(Direction::Input))
    }

    /// The streams out of the network, in the order in which a configured network has them.
    pub fn outputs(&self) -> impl Iterator<Item = &Layer> {
        self.core_op().into_iter().flat_map(|core_op| core_op.boundary(Direction::Output))
    }
}
