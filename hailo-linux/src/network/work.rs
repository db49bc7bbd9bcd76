//! A plan in the making.

use hailo_abi::command::DescListCreate;
use hailo_abi::enums::DataDirection;

use super::plan::{Buffer, BufferId, ListId, Step};

/// The lists, buffers and steps so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) lists: Vec<DescListCreate>,
    pub(super) buffers: Vec<Buffer>,
    pub(super) steps: Vec<Step>,
}

impl Work {
    pub(super) fn map(&mut self, size: u64, direction: DataDirection) -> BufferId {
        let id = BufferId(self.buffers.len());
        self.buffers.push(Buffer { size, direction });
        self.steps.push(Step::Map(id));
        id
    }

    pub(super) fn create(&mut self, list: DescListCreate) -> ListId {
        let id = ListId(self.lists.len());
        self.lists.push(list);
        self.steps.push(Step::Create(id));
        id
    }
}
