/** A monthly budget, which warns of costs by e-mail. */

import * as aws from "@pulumi/aws";
import type { Settings } from "./settings";

/**
 * Creates a budget of what the whole account costs, and sends e-mail when 80 % of it are spent or all of it is to be expected.
 * Costs of the stack alone are known only in accounts whose owner has activated its tags as cost allocation tags.
 * https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
 */
export function createBudget({ monthlyBudgetUsd, email }: Settings): void {
	if (monthlyBudgetUsd === 0) return;
	const tell = (notificationType: "ACTUAL" | "FORECASTED", threshold: number) => ({
		notificationType,
		comparisonOperator: "GREATER_THAN",
		threshold,
		thresholdType: "PERCENTAGE",
		subscriberEmailAddresses: [email!],
	});
	new aws.budgets.Budget("monthly", {
		budgetType: "COST",
		timeUnit: "MONTHLY",
		limitAmount: String(monthlyBudgetUsd),
		limitUnit: "USD",
		notifications: [tell("ACTUAL", 80), tell("FORECASTED", 100)],
	});
}
