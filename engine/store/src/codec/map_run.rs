//! The events of Map Runs.

use stepyard_asl::Timestamp;
use stepyard_json::Payload;
use stepyard_machine::{
    BatchLimits, Batches, ChildEnd, EndedChild, EventKind, ExecutionStatus, MapLimits, MapRunItems,
    MapRunPlan, MapRunTotals,
};

use super::decode::{Decoded, Reader};
use super::encode::Encoder;

/// Codes of what may be there or in one of two forms, for ever.
mod form {
    pub(super) const ABSENT: u8 = 0;
    pub(super) const PRESENT: u8 = 1;
    pub(super) const ITEMS_GIVEN: u8 = 0;
    pub(super) const ITEMS_READ: u8 = 1;
    pub(super) const SUCCEEDED: u8 = 1;
    pub(super) const FAILED: u8 = 2;
    pub(super) const TIMED_OUT: u8 = 3;
    pub(super) const ABORTED: u8 = 4;
}

impl<'a> Encoder<'a> {
    pub(super) fn fields_of_map_run(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::MapRunStarted { state, plan } => {
                self.state(*state);
                self.plan(plan);
            }
            EventKind::MapRunRedriven { state, map_run_arn, redrive_count } => {
                self.state(*state);
                self.str(map_run_arn);
                self.var(u64::from(*redrive_count));
            }
            EventKind::MapRunChildEnded(child) => self.ended_child(child),
            EventKind::MapRunTotalsKnown(totals) => self.totals(*totals),
            EventKind::MapRunUpdated(limits) => self.limits(*limits),
            EventKind::MapRunSucceeded { state } | EventKind::MapRunAborted { state } => {
                self.state(*state);
            }
            EventKind::MapRunFailed { state, error, cause } => {
                self.state_and_failure(*state, error, cause);
            }
            _ => {}
        }
    }

    fn plan(&mut self, plan: &'a MapRunPlan) {
        self.str(&plan.arn);
        self.payload(&plan.input);
        match &plan.items {
            MapRunItems::Given(items) => {
                self.out.push(form::ITEMS_GIVEN);
                self.payload(items);
            }
            MapRunItems::Read { arguments, max_items } => {
                self.out.push(form::ITEMS_READ);
                self.payload(arguments);
                self.zigzag(*max_items);
            }
        }
        self.maybe(plan.batches.as_ref(), |encoder, batches| {
            encoder.option(batches.limits.items);
            encoder.option(batches.limits.input_bytes);
            encoder.maybe(batches.input.as_ref(), Encoder::payload);
        });
        self.maybe(plan.export.as_ref(), Encoder::payload);
        self.limits(plan.limits);
    }

    fn limits(&mut self, limits: MapLimits) {
        self.var(limits.max_concurrency);
        self.option(limits.tolerated_failure_count);
        self.maybe(limits.tolerated_failure_percentage, |encoder, percentage| {
            encoder.out.extend(percentage.to_bits().to_le_bytes());
        });
    }

    fn totals(&mut self, totals: MapRunTotals) {
        self.var(totals.items);
        self.var(totals.children);
    }

    fn ended_child(&mut self, child: &'a EndedChild) {
        let EndedChild { number, items, input, end } = child;
        self.var(*number);
        self.var(*items);
        self.maybe(input.as_ref(), Encoder::payload);
        self.out.push(match end.status {
            ExecutionStatus::Succeeded => form::SUCCEEDED,
            ExecutionStatus::Failed => form::FAILED,
            ExecutionStatus::TimedOut => form::TIMED_OUT,
            // One that runs has no end.
            ExecutionStatus::Aborted | ExecutionStatus::Running => form::ABORTED,
        });
        self.zigzag(end.started.0);
        self.zigzag(end.stopped.millis_since(end.started));
        self.maybe(end.output.as_ref(), Encoder::payload);
        self.failure(&end.error, &end.cause);
        self.var(u64::from(end.redrive_count));
        // Only an event of another code has this.
        if end.redrive_refusal.is_some() {
            self.text(&end.redrive_refusal);
        }
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.out.push(form::ABSENT),
            Some(value) => {
                self.out.push(form::PRESENT);
                write(self, value);
            }
        }
    }
}

impl Reader<'_> {
    pub(super) fn plan(&mut self, payloads: &[Payload]) -> Decoded<MapRunPlan> {
        Ok(MapRunPlan {
            arn: self.str()?,
            input: self.payload(payloads)?,
            items: match self.byte()? {
                form::ITEMS_GIVEN => MapRunItems::Given(self.payload(payloads)?),
                form::ITEMS_READ => MapRunItems::Read {
                    arguments: self.payload(payloads)?,
                    max_items: self.zigzag()?,
                },
                form => return Err(format!("unknown form {form} of items")),
            },
            batches: self.maybe(|reader| reader.batches(payloads))?,
            export: self.maybe(|reader| reader.payload(payloads))?,
            limits: self.limits()?,
        })
    }

    fn batches(&mut self, payloads: &[Payload]) -> Decoded<Batches> {
        Ok(Batches {
            limits: BatchLimits { items: self.option()?, input_bytes: self.option()? },
            input: self.maybe(|reader| reader.payload(payloads))?,
        })
    }

    pub(super) fn limits(&mut self) -> Decoded<MapLimits> {
        Ok(MapLimits {
            max_concurrency: self.var()?,
            tolerated_failure_count: self.option()?,
            tolerated_failure_percentage: self.maybe(Reader::float)?,
        })
    }

    pub(super) fn totals(&mut self) -> Decoded<MapRunTotals> {
        Ok(MapRunTotals { items: self.var()?, children: self.var()? })
    }

    pub(super) fn ended_child(&mut self, payloads: &[Payload]) -> Decoded<EndedChild> {
        Ok(EndedChild {
            number: self.var()?,
            items: self.var()?,
            input: self.maybe(|reader| reader.payload(payloads))?,
            end: self.child_end(payloads)?,
        })
    }

    pub(super) fn refused_child(&mut self, payloads: &[Payload]) -> Decoded<EndedChild> {
        let child = self.ended_child(payloads)?;
        let end = ChildEnd { redrive_refusal: self.text()?, ..child.end };
        Ok(EndedChild { end, ..child })
    }

    fn child_end(&mut self, payloads: &[Payload]) -> Decoded<ChildEnd> {
        let status = match self.byte()? {
            form::SUCCEEDED => ExecutionStatus::Succeeded,
            form::FAILED => ExecutionStatus::Failed,
            form::TIMED_OUT => ExecutionStatus::TimedOut,
            form::ABORTED => ExecutionStatus::Aborted,
            form => return Err(format!("unknown status {form}")),
        };
        let started = Timestamp(self.zigzag()?);
        Ok(ChildEnd {
            status,
            started,
            stopped: started.plus_millis(self.zigzag()?),
            output: self.maybe(|reader| reader.payload(payloads))?,
            error: self.text()?,
            cause: self.text()?,
            redrive_count: self.small()?,
            redrive_refusal: None,
        })
    }

    fn float(&mut self) -> Decoded<f64> {
        let bytes = self.take(8)?;
        let bits = <[u8; 8]>::try_from(&*bytes).map_err(|error| error.to_string())?;
        Ok(f64::from_bits(u64::from_le_bytes(bits)))
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        match self.byte()? {
            form::ABSENT => Ok(None),
            form::PRESENT => read(self).map(Some),
            form => Err(format!("unknown form {form}")),
        }
    }
}
