//! [`Boxes`]: the boxes that a device sends after non-maximum suppression, put together to frames.

use std::collections::VecDeque;

use super::error::Error;
use crate::DmaBuffer;
use crate::hef::{Layer, Nms, NmsMode, Refusal};

/// Bytes of what the device sends at a time: a box, or the end of a class.
const WORD: usize = Nms::WORD as usize;
/// The end of a class, and what fills up its last burst.
const END: [u8; WORD] = [0xff; WORD];

/// Takes transfers and makes frames of them: for each class the number of its boxes in two bytes, and then the boxes, as
/// the device sent them; zeros behind the last.
#[derive(Clone, Debug)]
pub(super) struct Boxes {
    classes: u32,
    max_boxes: u16,
    /// Words of a burst; a class begins with a new one.
    burst: usize,
    /// Bytes of a frame.
    size: usize,
    frame: Vec<u8>,
    /// Classes that have ended.
    ended: u32,
    /// Where the number of boxes of the class stands, and how many have come.
    count_at: usize,
    count: u16,
    /// Words of the burst that have come, and whether the rest of it means nothing.
    place: usize,
    padding: bool,
    /// What the device sent that cannot be; nothing can be made of what follows.
    broken: Option<&'static str>,
}

/// Refuses to run a network with this layer, if its boxes cannot be put together.
pub(super) fn check(layer: &Layer) -> Result<(), Refusal> {
    let refused = |what| Err(Refusal::unsupported(format!("output `{}`: {what}", layer.tensor.name)));
    layer.tensor.nms.as_ref().and_then(Nms::not_readable).map_or(Ok(()), refused)
}

/// Boxes that are put together, and the buffers of frames that wait for them.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) boxes: Boxes,
    /// Room for a transfer.
    pub(super) portion: Vec<u8>,
    /// The buffers of the frames under way, the oldest first.
    pub(super) waiting: VecDeque<DmaBuffer>,
    /// How many of them have their boxes.
    pub(super) ready: usize,
}

impl Assembly {
    /// What stands for a transfer in a frame that has none of its own.
    pub(super) const NO_TRANSFER: u32 = u32::MAX;

    /// For an output that [`check`] lets through, with transfers of so many bytes.
    pub(super) fn new(nms: &Nms, size: usize) -> Self {
        Self { boxes: Boxes::new(nms), portion: vec![0; size], waiting: VecDeque::new(), ready: 0 }
    }

    /// Gives the boxes of a frame, which are complete, to the oldest one without.
    pub(super) fn finish(&mut self) {
        if let Some(buffer) = self.waiting.get_mut(self.ready) {
            self.boxes.finish(buffer.as_mut_slice());
            self.ready += 1;
        }
    }

    /// The oldest buffer.
    pub(super) fn oldest(&mut self) -> Option<DmaBuffer> {
        self.ready = self.ready.saturating_sub(1);
        self.waiting.pop_front()
    }
}

impl Boxes {
    /// For an output that [`check`] lets through.
    pub(super) fn new(nms: &Nms) -> Self {
        Self {
            classes: nms.classes,
            max_boxes: u16::try_from(nms.max_boxes_per_class).unwrap_or(u16::MAX),
            burst: if nms.mode == NmsMode::PerBox { 1 } else { nms.burst_size as usize },
            size: usize::try_from(nms.hw_frame_size()).unwrap_or(usize::MAX),
            frame: Vec::new(),
            ended: 0,
            count_at: 0,
            count: 0,
            place: 0,
            padding: false,
            broken: None,
        }
    }

    /// Bytes of a frame, at most.
    pub(super) fn frame_size(&self) -> usize {
        self.size
    }

    /// Takes a transfer. Returns whether the frame is complete.
    ///
    /// # Errors
    /// [`Error::Boxes`] if it cannot be what the model says, from then on.
    pub(super) fn take(&mut self, transfer: &[u8]) -> Result<bool, Error> {
        let outcome = match self.broken {
            Some(what) => Err(what),
            None => self.read(transfer),
        };
        outcome.map_err(|what| {
            self.broken = Some(what);
            Error::Boxes { what }
        })
    }

    fn read(&mut self, transfer: &[u8]) -> Result<bool, &'static str> {
        for word in transfer.as_chunks::<WORD>().0 {
            if self.ended == self.classes {
                return Err("something behind the end of the last class");
            }
            if self.place == 0 && !self.padding && self.count == 0 {
                self.begin_class();
            }
            self.place = (self.place + 1) % self.burst;
            if !self.padding {
                if *word != END {
                    self.add(word)?;
                    continue;
                }
                self.end_class();
                self.padding = true;
            } else if *word != END {
                return Err("a box behind the end of its class");
            }
            if self.place == 0 {
                self.padding = false;
                self.ended += 1;
                self.count = 0;
            }
        }
        Ok(self.ended == self.classes)
    }

    fn begin_class(&mut self) {
        self.count_at = self.frame.len();
        self.frame.extend([0; 2]);
    }

    fn add(&mut self, word: &[u8; WORD]) -> Result<(), &'static str> {
        if self.count == self.max_boxes {
            return Err("more boxes of a class than the model allows");
        }
        self.count += 1;
        self.frame.extend(word);
        Ok(())
    }

    fn end_class(&mut self) {
        if let Some(count) = self.frame.get_mut(self.count_at..self.count_at + 2) {
            count.copy_from_slice(&self.count.to_le_bytes());
        }
    }

    /// Copies the frame that is complete out, and begins the next.
    pub(super) fn finish(&mut self, frame: &mut [u8]) {
        let (boxes, rest) = frame.split_at_mut(self.frame.len().min(frame.len()));
        boxes.copy_from_slice(&self.frame[..boxes.len()]);
        rest.fill(0);
        self.frame.clear();
        self.ended = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(mode: NmsMode, burst_size: u32) -> Boxes {
        Boxes::new(&Nms {
            classes: 3,
            max_boxes_per_class: 4,
            box_size: 8,
            chunks: 1,
            burst_size,
            mode,
            transfer_size: 8 * burst_size,
            transfers_per_frame: 12,
            part_of: None,
        })
    }

    /// Words by their first byte; 255 is an end.
    fn words(firsts: &[u8]) -> Vec<u8> {
        firsts.iter().flat_map(|first| if *first == 255 { END } else { [*first; 8] }).collect()
    }

    fn frame(counts: [&[u8]; 3], size: usize) -> Vec<u8> {
        let classes = counts.iter().flat_map(|class| [&[class.len() as u8, 0][..], &words(class)].concat());
        let mut frame: Vec<u8> = classes.collect();
        frame.resize(size, 0);
        frame
    }

    fn run(boxes: &mut Boxes, transfers: &[&[u8]]) -> Vec<u8> {
        for (index, transfer) in transfers.iter().enumerate() {
            assert_eq!(boxes.take(&words(transfer)).unwrap(), index + 1 == transfers.len(), "transfer {index}");
        }
        let mut frame = vec![9; boxes.frame_size()];
        boxes.finish(&mut frame);
        frame
    }

    #[test]
    fn boxes_one_by_one() {
        let mut boxes = boxes(NmsMode::PerBox, 1);
        assert_eq!(boxes.frame_size(), 3 * (2 + 8 * 4) + 8);
        for _ in 0..2 {
            let sent: [&[u8]; 6] = [&[1], &[2], &[255], &[255], &[3], &[255]];
            assert_eq!(run(&mut boxes, &sent), frame([&[1, 2], &[], &[3]], 110));
        }
    }

    #[test]
    fn boxes_in_bursts() {
        let mut boxes = boxes(NmsMode::PerBurst, 2);
        for _ in 0..2 {
            // The first class fills two bursts, so that its end is in a third.
            let sent: [&[u8]; 5] = [&[1, 2], &[3, 4], &[255, 255], &[255, 255], &[5, 255]];
            assert_eq!(run(&mut boxes, &sent), frame([&[1, 2, 3, 4], &[], &[5]], 3 * 34 + 16));
        }
    }

    #[test]
    fn boxes_of_a_frame_at_once() {
        let mut boxes = boxes(NmsMode::PerFrame, 5);
        let sent: &[u8] = &[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 3, 4, 5, 255];
        assert_eq!(run(&mut boxes, &[sent]), frame([&[1], &[], &[2, 3, 4, 5]], 3 * 42 + 40));
    }

    #[test]
    fn what_no_frame_can_be_is_refused() {
        let refused = |mode, burst, sent: &[u8]| boxes(mode, burst).take(&words(sent)).unwrap_err().to_string();
        assert!(refused(NmsMode::PerBox, 1, &[1, 2, 3, 4, 5]).contains("more boxes"));
        assert!(refused(NmsMode::PerBurst, 2, &[255, 1]).contains("behind the end of its class"));
        assert!(refused(NmsMode::PerBox, 1, &[255, 255, 255, 255]).contains("last class"));
    }
}
