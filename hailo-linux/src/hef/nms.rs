//! Non-maximum suppression in the device: how many boxes come, and in what portions.

use super::error::Refusal;
use super::features::Features;
use super::proto_layers::EdgeLayerBase;
use crate::transform::Shape;

/// In what portions the device sends boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NmsMode {
    /// Each box is a transfer.
    PerBox,
    /// A class is padded to whole bursts, each of which is a transfer.
    PerBurst,
    /// The boxes of a frame are one transfer.
    PerFrame,
}

/// An output of non-maximum suppression.
///
/// The device sends 8-byte words; all ones end a class (and fill up its last burst); as many ends as there are classes
/// times chunks make a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "ProtoHEFNmsInfo")]
pub struct Nms {
    /// Number of classes.
    pub classes: u32,
    /// Boxes per class and chunk, at most.
    pub max_boxes_per_class: u32,
    /// Bytes of a box on the device's side.
    pub box_size: u32,
    /// Chunks per class.
    pub chunks: u32,
    /// Boxes per burst; 1 without bursts.
    pub burst_size: u32,
    /// In what portions boxes come.
    pub mode: NmsMode,
    /// Bytes of a transfer.
    pub transfer_size: u32,
    /// How many transfers make a frame, at most.
    pub transfers_per_frame: u32,
    /// The part of a larger output, and its name, where the classes were divided among several.
    pub part_of: Option<(u8, String)>,
}

/// What the device sends in one burst, at most.
const MAX_BURST_BYTES: u64 = 65536;
/// Groups that the classes of one output may be divided into.
const MAX_CLASS_GROUPS: u64 = 9;
/// `burst_type` of a file without bursts, and of the only kind of bursts that a Hailo-8 sends.
const NO_BURST: i32 = 0;
const H8_PER_CLASS: i32 = 1;

impl Nms {
    pub(super) fn new(base: &EdgeLayerBase, features: &Features) -> Result<Self, Refusal> {
        let info = base
            .additional_info
            .as_ref()
            .and_then(|info| info.nms_info.as_ref())
            .ok_or_else(|| Refusal::invalid("an output of non-maximum suppression without its numbers"))?;
        let small = |value: u64, what: &str| {
            u32::try_from(value).map_err(|_| Refusal::invalid(format!("{what} {value} does not fit 32 bits")))
        };
        let bursts = features.nms_output_burst;
        let wanted = if bursts { H8_PER_CLASS } else { NO_BURST };
        if info.burst_type != wanted {
            return Err(Refusal::invalid(format!(
                "bursts of type {} of non-maximum suppression, a Hailo-8 has type {wanted} here",
                info.burst_type
            )));
        }
        let burst_size = if bursts { info.burst_size } else { 1 };
        let classes = small(info.number_of_classes, "number of classes")?;
        let max_boxes_per_class = small(info.max_output_size, "number of boxes")?;
        let box_size = small(info.bbox_size, "size of a box")?;
        let chunks = small(info.input_division_factor.max(1), "division factor")?;
        if burst_size == 0 || box_size == 0 || classes == 0 {
            return Err(Refusal::invalid(format!(
                "non-maximum suppression with {classes} classes, bursts of {burst_size} boxes, boxes of {box_size} bytes"
            )));
        }
        let burst_bytes = u64::from(burst_size) * u64::from(box_size);
        if burst_bytes > MAX_BURST_BYTES {
            return Err(Refusal::invalid(format!(
                "a burst of {burst_size} boxes of {box_size} bytes is greater than {MAX_BURST_BYTES} bytes"
            )));
        }
        let boxes_and_end = u64::from(max_boxes_per_class) + 1;
        let mode = match bursts {
            false => NmsMode::PerBox,
            true if u64::from(burst_size) < boxes_and_end => NmsMode::PerBurst,
            true => NmsMode::PerFrame,
        };
        // u128: three factors of 32 bits each.
        let portions = u128::from(classes) * u128::from(chunks);
        let transfer_size = match mode {
            NmsMode::PerBox => u128::from(box_size),
            NmsMode::PerBurst => u128::from(burst_bytes),
            NmsMode::PerFrame => u128::from(burst_bytes) * portions,
        };
        let transfers = match mode {
            NmsMode::PerBox => portions * u128::from(max_boxes_per_class),
            NmsMode::PerBurst | NmsMode::PerFrame => portions * u128::from(boxes_and_end.div_ceil(burst_size.into())),
        };
        let (Ok(transfer_size), Ok(transfers_per_frame)) = (u32::try_from(transfer_size), u32::try_from(transfers))
        else {
            return Err(Refusal::invalid(format!(
                "non-maximum suppression with {transfers} transfers of {transfer_size} bytes per frame"
            )));
        };
        if transfers_per_frame == 0 {
            return Err(Refusal::invalid("non-maximum suppression that keeps no box"));
        }
        let part_of = match &info.defuse_info {
            Some(part) if info.is_defused => {
                if part.class_group_index >= MAX_CLASS_GROUPS {
                    return Err(Refusal::invalid(format!(
                        "group {} of classes, there are {MAX_CLASS_GROUPS} at most",
                        part.class_group_index
                    )));
                }
                Some((part.class_group_index as u8, part.original_name.clone()))
            }
            _ => None,
        };
        Ok(Self {
            classes,
            max_boxes_per_class,
            box_size,
            chunks,
            burst_size,
            mode,
            transfer_size,
            transfers_per_frame,
            part_of,
        })
    }

    /// Bytes of what the device sends at a time: a box, or the end of a class.
    pub(crate) const WORD: u32 = 8;

    /// Why the boxes cannot be put together to frames, if so.
    pub(crate) fn not_readable(&self) -> Option<String> {
        /// The longest frame, in bytes.
        const MAX_FRAME: u64 = 1 << 30;
        let (boxes, size) = (self.max_boxes_per_class, self.hw_frame_size());
        if self.chunks > 1 {
            Some(format!("classes in {} chunks, whose order is not known", self.chunks))
        } else if self.box_size != Self::WORD {
            Some(format!("boxes of {} bytes; only those of {} are understood", self.box_size, Self::WORD))
        } else if boxes > u16::MAX.into() || size > MAX_FRAME {
            Some(format!("up to {boxes} boxes per class, in frames of {size} bytes"))
        } else {
            None
        }
    }

    /// Bytes of a burst.
    #[must_use]
    pub const fn burst_bytes(&self) -> u32 {
        self.burst_size * self.box_size
    }

    /// What a user sees: classes, the five numbers of a box, boxes per class.
    pub(super) fn shape(&self) -> Result<Shape, Refusal> {
        /// Two corners and a score.
        const NUMBERS_OF_A_BOX: usize = 5;
        let boxes = self.max_boxes_per_class.checked_mul(self.chunks);
        match (usize::try_from(self.classes), boxes.map(usize::try_from)) {
            (Ok(height), Some(Ok(features))) => Ok(Shape { height, width: NUMBERS_OF_A_BOX, features }),
            _ => Err(Refusal::invalid("more boxes per class than 32 bits can count")),
        }
    }

    /// Bytes of a frame as the device sends it, at most.
    #[must_use]
    pub fn hw_frame_size(&self) -> u64 {
        /// Each class begins with its number of boxes.
        const COUNT: u64 = 2;
        let largest = u64::from(self.max_boxes_per_class.max(self.burst_size));
        u64::from(self.chunks)
            .saturating_mul(self.classes.into())
            .saturating_mul(u64::from(self.box_size).saturating_mul(largest).saturating_add(COUNT))
            .saturating_add(self.burst_bytes().into())
    }
}
