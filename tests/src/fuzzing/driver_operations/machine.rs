//! Any bytes, and what happens to the computer.

use hailo_abi::{DataModel, Errno};
use hailo_mock::{File, ProcessMemory};

use super::{ARGUMENT, Run};

impl Run<'_> {
    /// Any request with any bytes.
    pub(super) fn raw(&mut self, file: &File) {
        let known = &self.interface.requests[usize::from(self.source.byte()) % self.interface.requests.len()];
        let request = match self.source.byte() {
            0xf0.. => self.source.word() as u32,
            _ => known.codec(DataModel::Lp64).request.raw(),
        };
        let bytes: Vec<u8> = (0..64).map(|_| self.source.byte()).collect();
        self.memory.write(ARGUMENT, &bytes).expect("mapped memory");
        let address = self.source.pick(&[ARGUMENT, ARGUMENT, ARGUMENT, 0, 0xffff_8880_0000_1000, ARGUMENT + 8000]);
        // What it did is not in the model.
        if self.ioctl(file, request, address).is_ok() {
            self.lost = true;
        }
    }

    pub(super) fn events(&mut self) {
        match self.source.byte() % 8 {
            0 => {
                self.machine.suspend_resume();
                self.models.values_mut().for_each(|model| model.stale = true);
            }
            1 => {
                self.machine.remove(0);
                self.lost = true;
            }
            2 => {
                // Files of before stay with the board of before.
                while !self.files.is_empty() {
                    self.close(0);
                }
                self.machine.rebuild(0);
                self.lost = false;
            }
            3 => {
                let open = !self.files.is_empty();
                let unloaded = self.machine.unload_driver();
                assert!(!open || self.lost || unloaded == Err(Errno::EAGAIN));
                self.machine.load_driver();
            }
            _ => {}
        }
        self.has_crashed();
    }
}
