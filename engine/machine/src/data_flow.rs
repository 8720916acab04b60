//! From a state's raw input to its output, in AWS's order. In JSONPath: `InputPath`, `Parameters`, the work,
//! `ResultSelector`, `ResultPath`, `OutputPath`. In JSONata: `Arguments`, the work, `Output`. Data that no field looks into passes by reference.

use stepyard_asl::{Catcher, EvalError, Flow, Path, ResultPath, StateId, Template};
use stepyard_json::{DEPTH_MAX, Json, Object, Payload};

use crate::context::Subject;
use crate::decide::Run;
use crate::failure::{DATA_LIMIT_EXCEEDED, Failure};
use crate::{FrameId, Limits, Stage};

impl Run<'_> {
    /// `InputPath`: the effective input.
    pub(crate) fn effective_input(
        &mut self,
        id: FrameId,
        state: StateId,
    ) -> Result<Payload, Failure> {
        let raw = self.data(id);
        let program = self.program;
        let Flow::JsonPath { input_path, .. } = &program.state(state).flow else { return Ok(raw) };
        let input = self.path(id, input_path.as_ref(), &raw)?;
        self.note(Stage::AfterInputPath, &input);
        Ok(input)
    }

    /// `Parameters`, `Arguments`, `ResultSelector`: the template filled in, or the data itself.
    pub(crate) fn template(
        &mut self,
        id: FrameId,
        template: Option<&Template>,
        subject: Subject<'_>,
    ) -> Result<Payload, Failure> {
        let Some(template) = template else { return Ok(subject.data().clone()) };
        let json = self.evaluate(id, subject, |env| template.eval(env))?;
        self.payload(id, json)
    }

    /// `ResultPath` and `OutputPath`, or `Output`: what the state leaves, given its result.
    pub(crate) fn output(
        &mut self,
        id: FrameId,
        state: StateId,
        result: Subject<'_>,
        result_path: &ResultPath,
    ) -> Result<Payload, Failure> {
        let program = self.program;
        let Flow::JsonPath { .. } = &program.state(state).flow else {
            return self.filter_output(id, state, result);
        };
        self.note(Stage::AfterResultSelector, result.data());
        let whole = self.place(id, result.data().clone(), result_path)?;
        self.note(Stage::AfterResultPath, &whole);
        self.filter_output(id, state, Subject::Result(&whole))
    }

    /// What a state leaves whose error was caught: `OutputPath` does not count then (recorded from AWS).
    pub(crate) fn caught_output(
        &mut self,
        id: FrameId,
        state: StateId,
        error_output: &Payload,
        catcher: &Catcher,
    ) -> Result<Payload, Failure> {
        let output =
            self.template(id, catcher.output.as_ref(), Subject::ErrorOutput(error_output))?;
        let output = self.place(id, output, &catcher.result_path)?;
        self.within_limit(&output, &self.program.state(state).name)?;
        Ok(output)
    }

    /// `Assign`, given what the state works on; `None` when nothing is assigned.
    pub(crate) fn assign(
        &mut self,
        id: FrameId,
        state: StateId,
        assign: Option<&Template>,
        subject: Subject<'_>,
    ) -> Result<Option<Payload>, Failure> {
        let Some(assign) = assign else { return Ok(None) };
        let json = self.evaluate(id, subject, |env| assign.eval(env))?;
        if json.as_object().is_some_and(Object::is_empty) {
            return Ok(None);
        }
        let assigned = self.payload(id, json)?;
        let limits = self.execution().limits();
        let fits = assigned.fits(limits.variable_bytes)
            && self.execution().variable_bytes_after(id, &assigned) <= limits.variables_bytes;
        if !fits {
            let name = &self.program.state(state).name;
            let cause = format!(
                "The state/task '{name}' assigned variables with a size exceeding the maximum \
                 number of bytes service limit."
            );
            return Err(Failure::new(DATA_LIMIT_EXCEEDED, cause));
        }
        Ok(Some(assigned))
    }

    /// `ResultPath`: the raw input with the result in its place.
    fn place(
        &mut self,
        id: FrameId,
        result: Payload,
        result_path: &ResultPath,
    ) -> Result<Payload, Failure> {
        let raw = self.data(id);
        let path = match result_path {
            ResultPath::Discard => return Ok(raw),
            ResultPath::Path(path) if path.is_root() => return Ok(result),
            ResultPath::Path(path) => path,
        };
        let json = path.set(raw.tree(), result.tree().clone()).map_err(|_| {
            let cause = format!("Unable to apply Reference Path {path} to input {}", raw.text());
            self.locate(id, EvalError::new("States.ResultPathMatchFailure", cause))
        })?;
        self.payload(id, json)
    }

    /// `OutputPath` or `Output`, and the limit on the size of what a state leaves.
    pub(crate) fn filter_output(
        &mut self,
        id: FrameId,
        state: StateId,
        whole: Subject<'_>,
    ) -> Result<Payload, Failure> {
        let program = self.program;
        match &program.state(state).flow {
            Flow::JsonPath { output_path, .. } => {
                let output = self.path(id, output_path.as_ref(), whole.data())?;
                self.within_limit(&output, &program.state(state).name)?;
                Ok(output)
            }
            Flow::Jsonata { output } => self.output_of(id, state, output.as_ref(), whole),
        }
    }

    /// `Output`, of the state or of one of its choices.
    pub(crate) fn output_of(
        &mut self,
        id: FrameId,
        state: StateId,
        output: Option<&Template>,
        whole: Subject<'_>,
    ) -> Result<Payload, Failure> {
        let output = self.template(id, output, whole)?;
        self.within_limit(&output, &self.program.state(state).name)?;
        Ok(output)
    }

    fn path(
        &mut self,
        id: FrameId,
        path: Option<&Path>,
        data: &Payload,
    ) -> Result<Payload, Failure> {
        path.map_or_else(|| Ok(Payload::empty_object()), |path| self.selected(id, path, data))
    }

    /// What a path selects. A test of a state shows it as it was spelled (recorded from AWS).
    pub(crate) fn selected(
        &mut self,
        id: FrameId,
        path: &Path,
        data: &Payload,
    ) -> Result<Payload, Failure> {
        if path.is_identity() {
            return Ok(data.clone());
        }
        let json = self.evaluate(id, Subject::Input(data), |env| path.eval(env))?;
        let spelled = self.is_inspected().then(|| path.excerpt(data)).flatten();
        Ok(spelled.unwrap_or_else(|| Payload::from(json)))
    }

    /// A value that was put together, which must not nest too deeply to be read again.
    pub(crate) fn payload(&self, id: FrameId, json: Json) -> Result<Payload, Failure> {
        if json.is_deeper_than(DEPTH_MAX) {
            let cause = format!("The data is nested deeper than {DEPTH_MAX} levels.");
            return Err(self.locate(id, EvalError::runtime(cause)));
        }
        Ok(Payload::from(json))
    }

    /// # Errors
    /// `States.DataLimitExceeded`, which names the state or the resource that the data comes from.
    pub(crate) fn within_limit(&mut self, data: &Payload, origin: &str) -> Result<(), Failure> {
        within_limit(self.execution().limits(), data, origin)?;
        self.count(data);
        Ok(())
    }
}

/// # Errors
/// `States.DataLimitExceeded`, which names the state or the resource that the data comes from.
pub(crate) fn within_limit(limits: Limits, data: &Payload, origin: &str) -> Result<(), Failure> {
    if data.fits(limits.data_bytes) { Ok(()) } else { Err(Failure::too_large(origin)) }
}
