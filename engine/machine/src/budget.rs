//! How much the JSONata of one decision may cost.

use stepyard_asl::EXPRESSION_FUEL;

/// Steps that all expressions of one decision may take: a decision ends within about a second, whatever it evaluates.
const DECISION_FUEL: u64 = 2 * EXPRESSION_FUEL;

/// Steps that expressions may take and have taken.
#[derive(Debug)]
pub(crate) struct Budget {
    /// For all of them together.
    left: u64,
    spent: u64,
    /// Whether the decision can be made again with more.
    is_limited: bool,
    is_exceeded: bool,
}

impl Budget {
    /// So many steps for all expressions together.
    pub(crate) fn limited(fuel: u64) -> Budget {
        Budget { left: fuel, spent: 0, is_limited: true, is_exceeded: false }
    }

    /// All that there is for one decision.
    pub(crate) fn full() -> Budget {
        Budget { left: DECISION_FUEL, spent: 0, is_limited: false, is_exceeded: false }
    }

    /// What the next expressions, those of one field, may take.
    pub(crate) fn allowance(&self) -> u64 {
        self.left.min(EXPRESSION_FUEL)
    }

    /// Expressions that were allowed so much have left so much of it.
    pub(crate) fn spend(&mut self, allowed: u64, left: u64) {
        let spent = allowed - left;
        self.is_exceeded |= self.is_limited && left == 0 && allowed < EXPRESSION_FUEL;
        self.spent += spent;
        self.left -= spent;
    }

    /// Whether an expression has used up what it had, and might come further with more.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Whether the decision has cost so much that it is better cut: others wait for it, and what comes next would be
    /// likely to exceed what is left.
    pub(crate) fn is_spent(&self) -> bool {
        match self.is_limited {
            true => self.spent >= self.left,
            false => self.spent > EXPRESSION_FUEL / 2,
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
    fn endless_expressions_fail_for_good_when_there_is_no_more() {
        let mut budget = Budget::full();
        budget.spend(budget.allowance(), 0);
        assert!(budget.is_spent() && !budget.is_exceeded());
        assert_eq!(budget.allowance(), EXPRESSION_FUEL);
        budget.spend(budget.allowance(), 0);
        assert_eq!(budget.allowance(), 0);
        assert!(!budget.is_exceeded());
    }

    #[test]
    fn an_expression_that_used_up_all_an_expression_may_take_needs_no_more() {
        let mut budget = Budget::limited(2 * EXPRESSION_FUEL);
        budget.spend(budget.allowance(), 0);
        assert!(!budget.is_exceeded());
    }

    #[test]
    fn a_decision_is_cut_when_it_has_cost_more_than_half_of_what_an_expression_may() {
        let mut budget = Budget::full();
        budget.spend(budget.allowance(), EXPRESSION_FUEL / 2);
        assert!(!budget.is_spent());
        budget.spend(1, 0);
        assert!(budget.is_spent());
    }
}
