/** Names that other extensions may use. No side effects. */

export const PLUGIN = "athena-lab:panel";
export const STATUS_PLUGIN = "athena-lab:status";
export const PANEL_ID = "athena-panel";

export const CommandIDs = {
  showPanel: "athena:show-panel",
  refresh: "athena:refresh",
} as const;
