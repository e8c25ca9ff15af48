/**
 * RDS instance classes of the current generations that support PostgreSQL 18.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Support.html
 */

const BURSTABLE = ["micro", "small", "medium", "large", "xlarge", "2xlarge"];
const UP_TO_16 = ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];
const UP_TO_32 = [...UP_TO_16, "24xlarge", "32xlarge"];
const UP_TO_48 = [...UP_TO_16, "24xlarge", "48xlarge"];

const SIZES: Record<string, string[]> = {
	t3: BURSTABLE,
	t4g: BURSTABLE,
	m6g: UP_TO_16,
	m6i: UP_TO_32,
	m7g: UP_TO_16,
	m7i: UP_TO_48,
	m8g: UP_TO_48,
	r6g: UP_TO_16,
	r6i: UP_TO_32,
	r7g: UP_TO_16,
	r7i: UP_TO_48,
	r8g: UP_TO_48,
};

/** Whether a class with this name exists, such as db.t4g.micro. */
export function isDatabaseClass(name: string): boolean {
	const [, family = "", size = ""] = /^db\.(\w+)\.(\w+)$/.exec(name) ?? [];
	return Object.hasOwn(SIZES, family) && SIZES[family]!.includes(size);
}

/** Whether a class earns credits for its CPU, and pays for more. */
export const isBurstable = (name: string): boolean => name.startsWith("db.t");

/** Families of instance classes, for error messages. */
export const DATABASE_FAMILIES = Object.keys(SIZES);
