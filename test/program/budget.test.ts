/** The budget, and who is told of it. */

import { expect } from "chai";
import { useProgram } from "../support/use-program";

const BUDGET = "aws:budgets/budget:Budget";

describe("a monthly budget", () => {
	const without = useProgram("dev", { email: "someone@example.org" });
	const { one } = useProgram("dev", { email: "someone@example.org", monthlyBudgetUsd: "120" });

	it("is there only if it is set", () => {
		expect(without.all(BUDGET)).to.deep.equal([]);
		expect(one(BUDGET).inputs).to.include({ budgetType: "COST", limitAmount: "120", limitUnit: "USD" });
	});

	it("tells the subscriber before it is spent", () => {
		const told = one(BUDGET).inputs.notifications.map((notification: Record<string, unknown>) => [
			notification.notificationType,
			notification.comparisonOperator,
			`${notification.threshold} ${notification.thresholdType}`,
			notification.subscriberEmailAddresses,
		]);
		expect(told).to.deep.equal([
			["ACTUAL", "GREATER_THAN", "80 PERCENTAGE", ["someone@example.org"]],
			["FORECASTED", "GREATER_THAN", "100 PERCENTAGE", ["someone@example.org"]],
		]);
	});
});
