//! The decoder role: it turns stored bytes into pixels, and only into those that the crops need.
//!
//! What a sample needs, and what happens to a bad one, is decided in [`super::context`] without
//! threads. This file adds what threads need: the budget of decoded bytes, and panics.

use super::Shared;
use super::batcher::BatchWork;
use super::budget::Permit;
use super::context::{DecodeScratch, ReadSample, SlotSample, SlotTask};
use crate::decode::Probe;
use crate::error::{Error, Kind, Result};
use crate::geometry::Rect;

impl Shared {
    /// Decodes a slot into `scratch`. `permit` is for the decoded bytes that the worker holds of
    /// the budget, before and after.
    pub(super) fn decode_slot(
        &self,
        (work, slot): (&BatchWork, usize),
        read: Result<ReadSample>,
        scratch: &mut DecodeScratch,
        permit: &mut Option<Permit>,
    ) -> Result<SlotSample> {
        let plan = &work.plan;
        let task = SlotTask {
            views: &work.views,
            epoch: plan.epoch,
            index: plan.index,
            global_slot: plan.first + slot,
            slot,
            planned: plan.slots[slot].visit,
        };
        let mut choose = |region: Rect, _: &Probe, planes: u64| {
            let pixels = u64::from(region.width) * u64::from(region.height);
            let bytes = pixels * 3 + planes;
            // What the sample before needed will do if it is enough. If not, it is returned first,
            // or the worker could wait for bytes that it holds itself.
            if permit.as_ref().is_some_and(|permit| permit.covers(bytes)) {
                return Ok(region);
            }
            *permit = None;
            *permit = self.budgets.decoded.acquire(bytes, &self.stop);
            match permit {
                Some(_) => Ok(region),
                None => Err(Error::new(Kind::Stopped, "the loader was stopped")),
            }
        };
        self.guard("decoder", task.planned.sample, || {
            self.context
                .decode_slot(scratch, &task, Some(read), &mut choose)
        })
    }
}
