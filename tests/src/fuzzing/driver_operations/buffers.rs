//! Memory: mapped buffers, those of the driver, and the pages of the process.

use hailo_abi::command::{
    BufferMap, BufferSync, BufferUnmap, Command, ContinuousBufferAlloc, ContinuousBufferFree, LowMemoryBufferAlloc,
    LowMemoryBufferFree,
};
use hailo_abi::enums::{BufferType, DataDirection, SyncType};
use hailo_abi::{DriverRelease, Reply};
use hailo_mock::File;
use hailo_mock::memory::PageKind;

use super::{BUFFERS, Run};

impl Run<'_> {
    pub(super) fn address(&mut self) -> u64 {
        BUFFERS + u64::from(self.source.byte() % 24) * 4096 + self.source.pick(&[0, 0, 0, 0, 64, 100, 512, 1])
    }

    pub(super) fn size(&mut self) -> u64 {
        match self.source.byte() {
            0xf0.. => self.source.number(),
            byte => u64::from(byte) * 128 + 1,
        }
    }

    pub(super) fn direction(&mut self) -> DataDirection {
        DataDirection::from_raw(self.source.pick(&[0, 1, 2, 1, 2, 3, u32::MAX]))
    }

    pub(super) fn buffer_type(&mut self) -> BufferType {
        BufferType::from_raw(self.source.pick(&[0, 0, 0, 0, 0, 1, 2, u32::MAX]))
    }

    pub(super) fn map(&mut self, file: &File, model: usize) {
        let buffer_type = self.buffer_type();
        let last = self.models[&model].last_resource;
        let allocated = (self.source.byte() & 7 == 0).then(|| self.source.handle(last, 4096));
        let params = BufferMap {
            address_or_fd: if buffer_type == BufferType::DMABUF { 7 } else { self.address() },
            size: self.size(),
            data_direction: self.direction(),
            buffer_type,
            allocated_buffer_handle: allocated,
        };
        let handle = self.call(file, &Command::BufferMap(params), |result, reply| match (result, reply) {
            (Ok(_), Reply::BufferMap(reply)) => Some(reply.mapped_handle),
            _ => None,
        });
        let by_range = self.release >= DriverRelease::new(5, 1, 1);
        if let (Some(Some(handle)), Some(model)) = (handle, self.models.get_mut(&model)) {
            assert!(handle > 0 && (by_range || handle > model.last_mapping), "mapping {handle} again");
            model.last_mapping = model.last_mapping.max(handle);
        }
    }

    pub(super) fn unmap(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_mapping;
        let params = BufferUnmap {
            mapped_handle: self.source.handle(last, 1),
            address_or_fd: self.address(),
            size: self.size(),
            data_direction: self.direction(),
            buffer_type: self.buffer_type(),
        };
        let before = self.machine.report().boards[0].mappings;
        let result = self.call(file, &Command::BufferUnmap(params), |result, _| result);
        if result == Some(Ok(0)) && self.release < DriverRelease::new(5, 0, 0) {
            assert_eq!(self.machine.report().boards[0].mappings, before - 1);
        }
    }

    pub(super) fn sync(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_mapping;
        let params = BufferSync {
            handle: self.source.handle(last, 1),
            sync_type: SyncType::from_raw(self.source.pick(&[0, 1, 2])),
            offset: self.source.number(),
            count: self.source.number(),
        };
        self.call(file, &Command::BufferSync(params), |_, _| ());
    }

    pub(super) fn driver_buffers(&mut self, file: &File, model: usize) {
        let size = self.source.pick(&[4096, 1, 0, 4097, 1 << 20, (4 << 20) + 1, u64::MAX]);
        let last = self.models[&model].last_resource;
        let handle = self.source.handle(last, 4096);
        let alive = self.is_alive(model);
        match self.source.byte() % 4 {
            0 => {
                let command = Command::LowMemoryBufferAlloc(LowMemoryBufferAlloc { buffer_size: size });
                let made = self.call(file, &command, |result, reply| match (result, reply) {
                    (Ok(_), Reply::LowMemoryBufferAlloc(reply)) => Some(reply.buffer_handle),
                    _ => None,
                });
                if let Some(Some(handle)) = made {
                    self.expect_resource(model, handle);
                    self.models.get_mut(&model).expect("an open file").low.insert(handle);
                }
            }
            1 => {
                let command = Command::ContinuousBufferAlloc(ContinuousBufferAlloc { buffer_size: size });
                let made = self.call(file, &command, |result, reply| match (result, reply) {
                    (Ok(_), Reply::ContinuousBufferAlloc(reply)) => Some(reply.buffer_handle),
                    _ => None,
                });
                if let Some(Some(handle)) = made {
                    self.expect_resource(model, handle);
                    self.models.get_mut(&model).expect("an open file").continuous.insert(handle);
                }
            }
            2 => {
                let command = Command::LowMemoryBufferFree(LowMemoryBufferFree { buffer_handle: handle });
                let result = self.call(file, &command, |result, _| result);
                let known = alive && self.models.get_mut(&model).expect("an open file").low.remove(&handle);
                self.expect_release(model, known, result);
            }
            _ => {
                let command = Command::ContinuousBufferFree(ContinuousBufferFree { buffer_handle: handle });
                let result = self.call(file, &command, |result, _| result);
                let known = alive && self.models.get_mut(&model).expect("an open file").continuous.remove(&handle);
                self.expect_release(model, known, result);
            }
        }
    }

    pub(super) fn mmap(&mut self, file: &File, model: usize) {
        let last = self.models[&model].last_resource;
        let offset = self.source.handle(last, 4096);
        let length = self.size();
        if file.mmap(offset, length).is_ok() {
            let model = &self.models[&model];
            let known = [&model.low, &model.continuous, &model.lists].iter().any(|set| set.contains(&offset));
            assert!(known, "mmap of {offset:#x}, which is not there");
        }
    }

    pub(super) fn change_memory(&mut self) {
        let page = BUFFERS + u64::from(self.source.byte() % 24) * 4096;
        match self.source.byte() % 3 {
            0 => self.memory.unmap(page, 1),
            1 => self.memory.map(page, 1, PageKind::ReadWrite),
            _ => self.memory.protect(page, 1, PageKind::ReadOnly),
        }
    }
}
