/** Variables by which the actors of a round find its plan and its log. */
export const PLAN_VARIABLE = "ESPALIER_CHAOS_PLAN";
export const LOG_VARIABLE = "ESPALIER_CHAOS_LOG";
