export function writeScripts(): Promise<void>;
export function areScriptsFresh(): boolean;
