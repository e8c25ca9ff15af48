/** For drizzle-kit: `npm run db:generate` writes migrations, `npm run db:studio` looks at the database DATABASE_URL names. */

import { defineConfig } from "drizzle-kit";

export default defineConfig({
	dialect: "postgresql",
	schema: ["./db/schema.ts", "./db/views.ts"],
	out: "./db/migrations",
	dbCredentials: { url: process.env.DATABASE_URL ?? "" },
});
