# What wixl cannot say, as SQL on the package's tables: one statement a line. @VERSION@ is the package's
# version.

# A component only where its property asks for it.
UPDATE `Component` SET `Condition` = 'AUTOSTART <> "0"' WHERE `Component` = 'CAutostart'
UPDATE `Component` SET `Condition` = 'SSH_HOST' WHERE `Component` = 'CHost'
UPDATE `Component` SET `Condition` = 'SSH_PORT' WHERE `Component` = 'CPort'
UPDATE `Component` SET `Condition` = 'SSH_USER' WHERE `Component` = 'CUser'
UPDATE `Component` SET `Condition` = 'SSH_HOSTKEY' WHERE `Component` = 'CHostKey'
UPDATE `Component` SET `Condition` = 'UI_LANGUAGE' WHERE `Component` = 'CLanguage'
UPDATE `Component` SET `Condition` = 'NOT FRENCH' WHERE `Component` = 'CShortcut'
UPDATE `Component` SET `Condition` = 'FRENCH' WHERE `Component` = 'CShortcutFrench'

# There are no dialogs, so nothing is left to do before the execution: what would be found out before it
# would be handed on to it in part, the directory and not what the installed version was installed with.
# (One by one: msibuild removes the wrong rows when a condition fits several.)
DELETE FROM `InstallUISequence` WHERE `Action` = 'FindRelatedProducts'
DELETE FROM `InstallUISequence` WHERE `Action` = 'AppSearch'
DELETE FROM `InstallUISequence` WHERE `Action` = 'LaunchConditions'
DELETE FROM `InstallUISequence` WHERE `Action` = 'ValidateProductID'
DELETE FROM `InstallUISequence` WHERE `Action` = 'CostInitialize'
DELETE FROM `InstallUISequence` WHERE `Action` = 'FileCost'
DELETE FROM `InstallUISequence` WHERE `Action` = 'CostFinalize'
DELETE FROM `InstallUISequence` WHERE `Action` = 'MigrateFeatureStates'

# Registry searches in the 64-bit view (16), for raw values (2).
UPDATE `RegLocator` SET `Type` = 18 WHERE `Type` = 2

# Another build of the same version replaces it, too (512).
DELETE FROM `Upgrade` WHERE `ActionProperty` = 'WIX_UPGRADE_DETECTED'
INSERT INTO `Upgrade` (`UpgradeCode`, `VersionMax`, `Attributes`, `ActionProperty`) VALUES ('{D6EF5D9D-E8FD-4789-92D3-855818D63972}', '@VERSION@', 513, 'WIX_UPGRADE_DETECTED')

# The old version goes within the transaction: when something fails, it comes back.
UPDATE `InstallExecuteSequence` SET `Sequence` = 1501 WHERE `Action` = 'RemoveExistingProducts'

# A program without a version in this table would lose against the versioned one on disk, before the
# old package takes that away: nothing would be left.
UPDATE `File` SET `Version` = '@VERSION@.0', `Language` = '1033' WHERE `File` = 'ConsoleExe'
UPDATE `File` SET `Version` = '@VERSION@.0', `Language` = '1033' WHERE `File` = 'TrayExe'
UPDATE `File` SET `Version` = '@VERSION@.0', `Language` = '1033' WHERE `File` = 'Library'

# Environment.idt is a table of its own, and has its own actions.
INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('RemoveEnvironmentStrings', 2650)
INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('WriteEnvironmentStrings', 5050)
