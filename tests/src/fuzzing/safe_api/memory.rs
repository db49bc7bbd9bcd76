//! Buffers and descriptor lists.

use hailo_abi::enums::InterruptsDomain;
use hailo_linux::{Direction, ErrorKind, Program};

use super::{MAX_THINGS, Things};
use crate::fuzzing::source::Source;

impl Things {
    pub(super) fn allocate(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let direction = source.pick(&[Direction::ToDevice, Direction::FromDevice, Direction::Both]);
        let length = source.length();
        if self.buffers.len() >= MAX_THINGS {
            self.buffers.remove(0);
        }
        let allocated = if source.byte() == 0xff {
            device.allocate_low_memory(length, direction)
        } else {
            device.allocate(length, direction)
        };
        match allocated {
            Ok(buffer) => {
                assert_eq!((buffer.len(), buffer.direction()), (length, direction));
                assert!(buffer.as_slice().iter().all(|byte| *byte == 0));
                self.buffers.push(buffer);
            }
            Err(error) => match error.kind() {
                ErrorKind::Invalid(_) => assert_eq!(length, 0, "{error}"),
                ErrorKind::Inexpressible(_) => {}
                _ => assert!(self.stale, "{error}"),
            },
        }
        if source.byte() == 0xfe
            && let Ok(mut buffer) = device.allocate_continuous(length)
        {
            buffer.as_mut_slice().fill(1);
            assert_ne!(buffer.dma_address(), 0);
        }
    }

    pub(super) fn write(&mut self, source: &mut Source<'_>) {
        let Some(index) = source.index(self.buffers.len()) else { return };
        let (seed, range) = (source.byte(), source.length());
        let buffer = &mut self.buffers[index];
        for (position, byte) in buffer.as_mut_slice().iter_mut().enumerate() {
            *byte = seed.wrapping_add((position % 251) as u8);
        }
        let length = buffer.len();
        let for_device = buffer.sync_for_device(0..range);
        let possible = (1..=length).contains(&range);
        assert!(for_device.is_ok() == possible || (self.stale && possible), "{for_device:?}");
        let _ = buffer.sync_for_cpu(0..length);
    }

    pub(super) fn create_list(&mut self, source: &mut Source<'_>) {
        let Some(device) = self.device(source) else { return };
        let count = source.pick(&[16u32, 64, 2, 8, 128, 256, 0, 1, 3, 100, 65536, 65537]);
        let page_size = source.pick(&[512u32, 4096, 64, 1024, 0, 1, 32, 100, 8192, 65536]);
        let circular = source.byte() & 3 != 0;
        if self.lists.len() >= MAX_THINGS {
            return;
        }
        let good = (64..=4096).contains(&page_size) && page_size.is_power_of_two() && count >= 2;
        let good = good && (!circular || count.is_power_of_two() && count <= 65536);
        match device.create_descriptor_list(count, page_size, circular) {
            Ok(list) => {
                assert!(good, "{list:?}");
                self.lists.push(list);
            }
            Err(error) => assert!(!good || self.stale, "{error}"),
        }
    }

    pub(super) fn program(&mut self, source: &mut Source<'_>) {
        if source.byte() & 1 == 0
            && let Some(index) = source.index(self.buffers.len())
        {
            self.shared.push(self.buffers.swap_remove(index).share());
        }
        let Some(buffer) = source.index(self.shared.len()).map(|index| self.shared[index].clone()) else { return };
        let _ = buffer.write(source.length(), &[source.byte(); 3]);
        let mut bytes = [0; 5];
        let _ = buffer.read(source.length(), &mut bytes);
        let Some(list) = source.index(self.lists.len()) else { return };
        let program = Program {
            start: source.byte().into(),
            offset: source.length(),
            length: source.length(),
            transfers: source.pick(&[1, 1, 2, 0, 3]),
            stride: source.pick(&[0, 0, 64, 100, 8192]),
            channel: source.pick(&[0, 16, 31, 32, 255]),
            bind: source.byte() != 0,
            last_interrupts: source.pick(&[InterruptsDomain::NONE, InterruptsDomain::HOST, InterruptsDomain::MAX_ENUM]),
        };
        // Whether it is possible depends on the release; that it does no harm does not.
        let _ = self.lists[list].program(&buffer, &program);
    }
}
