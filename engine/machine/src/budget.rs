//! How much the JSONata of one decision may cost.

use stepyard_asl::EXPRESSION_FUEL;

use crate::Stimulus;

/// Expressions of one decision took more steps than it was given. Nothing has changed: the same decision can be made
/// again, from the same stimulus, with more.
#[derive(Clone, Debug)]
pub struct OutOfFuel(pub Stimulus);

/// Steps that expressions may take and have taken.
#[derive(Debug)]
pub(crate) struct Budget {
    /// For all of them together; `None` when each may take what one expression may.
    left: Option<u64>,
    spent: u64,
    is_exceeded: bool,
}

impl Budget {
    /// So many steps for all expressions together.
    pub(crate) fn limited(fuel: u64) -> Budget {
        Budget { left: Some(fuel), spent: 0, is_exceeded: false }
    }

    /// What one expression may take, for each.
    pub(crate) fn full() -> Budget {
        Budget { left: None, spent: 0, is_exceeded: false }
    }

    /// What the next expression may take.
    pub(crate) fn allowance(&self) -> u64 {
        self.left.map_or(EXPRESSION_FUEL, |left| left.min(EXPRESSION_FUEL))
    }

    /// An expression that was allowed so much has left so much of it.
    pub(crate) fn spend(&mut self, allowed: u64, left: u64) {
        let spent = allowed - left;
        self.spent += spent;
        if let Some(all) = &mut self.left {
            self.is_exceeded |= left == 0 && allowed < EXPRESSION_FUEL;
            *all -= spent;
        }
    }

    /// Whether an expression has failed that might not have with more.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Whether the decision has cost so much that it is better cut: others wait for it, and what comes next would be
    /// likely to exceed what is left.
    pub(crate) fn is_spent(&self) -> bool {
        match self.left {
            Some(left) => self.spent >= left,
            None => self.spent > EXPRESSION_FUEL / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use stepyard_asl::EXPRESSION_FUEL;

    #[test]
    fn expressions_share_what_a_decision_is_given() {
        let mut budget = Budget::limited(100);
        budget.spend(budget.allowance(), 60);
        assert!(!budget.is_spent());
        budget.spend(budget.allowance(), 40);
        assert!(budget.is_spent() && !budget.is_exceeded());
        budget.spend(budget.allowance(), 0);
        assert!(budget.is_exceeded());
    }

    #[test]
    fn an_endless_expression_fails_for_good_when_nothing_limits_the_others() {
        let mut budget = Budget::full();
        budget.spend(budget.allowance(), 0);
        assert!(budget.is_spent() && !budget.is_exceeded());
        assert_eq!(budget.allowance(), EXPRESSION_FUEL);
    }
}
