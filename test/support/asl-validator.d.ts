/** The package brings no types of its own. */
declare module "asl-validator" {
	interface Validation {
		isValid: boolean;
		errorsText(separator?: string): string;
	}
	/** Also writes each state's query language into the definition. */
	function validate(definition: object, options?: { checkPaths: boolean; checkArn: boolean }): Validation;
	export = validate;
}
